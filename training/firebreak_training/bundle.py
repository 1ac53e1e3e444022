"""Writes what a classifier folder holds beside its code: model, manifest, golden expectations, figures of the card."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from .features import ROOT

PACKAGES = ["lightgbm", "numpy", "onnx", "onnxmltools", "onnxruntime", "scikit-learn", "scipy"]
FIGURES = ("<!-- figures: written by npm run train -->", "<!-- end of figures -->")


def folder(classifier: str) -> Path:
    return ROOT / "classifiers" / classifier


def provenance(data: Path, files: list[str]) -> list[dict[str, str]]:
    """Source, commit, licence and digest of each file that was used, checked against the folder's own manifest."""
    known = {entry["file"]: entry for entry in json.loads((data / "manifest.json").read_text())}
    used = []
    for file in files:
        entry = known[file]
        digest = hashlib.sha256((data / file).read_bytes()).hexdigest()
        if digest != entry["sha256"]:
            raise ValueError(f"{file} is not the file that {data / 'manifest.json'} describes")
        used.append({"file": file, **{key: entry[key] for key in ("source", "commit", "licence", "sha256")}})
    return used


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def save_model(classifier: str, model: onnx.ModelProto) -> dict:
    """Writes model.onnx and answers the manifest's entry for it."""
    onnx.checker.check_model(model)
    content = model.SerializeToString(deterministic=True)
    (folder(classifier) / "model.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    print(f"{classifier}: model.onnx {len(content)} bytes, sha256 {digest}", flush=True)
    return {"file": "model.onnx", "sha256": digest, "sizeBytes": len(content), "output": model.graph.output[0].name}


def save_manifest(classifier: str, manifest: dict, data: Path, files: list[str]) -> None:
    training = {
        "command": f"npm run train -- --data DIR --only {classifier}",
        "environment": {name: version(name) for name in PACKAGES},
        "data": provenance(data, files),
    }
    whole = {**manifest, "training": training, "metrics": manifest["metrics"]}
    (folder(classifier) / "manifest.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")


def golden_cases(classifier: str) -> list[dict]:
    return [json.loads(line) for line in (folder(classifier) / "golden.jsonl").read_text().splitlines()]


def save_golden(classifier: str, expectations: list[dict | None]) -> None:
    """Sets what each golden report is expected to score; None where the classifier abstains."""
    cases = golden_cases(classifier)
    lines = [json.dumps({**case, "expected": expected}, ensure_ascii=False) for case, expected in zip(cases, expectations, strict=True)]
    (folder(classifier) / "golden.jsonl").write_text("\n".join(lines) + "\n")


def save_figures(classifier: str, rows: list[tuple[str, ...]]) -> None:
    """Replaces the table of figures in card.md; the first row is the head."""
    path = folder(classifier) / "card.md"
    head, *body = rows
    table = [" | ".join(["", *row, ""]).strip() for row in (head, tuple("---" for _ in head), *body)]
    before, rest = path.read_text().split(FIGURES[0])
    after = rest.split(FIGURES[1])[1]
    path.write_text(before + FIGURES[0] + "\n\n" + "\n".join(table) + "\n\n" + FIGURES[1] + after)


def threshold_of(classifier: str) -> float:
    """The threshold at which another classifier is shipped."""
    return json.loads((folder(classifier) / "manifest.json").read_text())["threshold"]


def print_goals(title: str, goals: list[tuple[str, float, str, float]]) -> None:
    """Each goal as (what, reached, ">=" or "<=", goal): what leaving out shows beside what was aimed at."""
    print(f"goals, {title}:", flush=True)
    for what, reached, relation, goal in goals:
        met = reached >= goal if relation == ">=" else reached <= goal
        print(f"  {what:<60} {percent(reached):>9}  {relation} {percent(goal):>8}  {'met' if met else 'not met'}", flush=True)


def percent(value: float) -> str:
    return "–" if np.isnan(value) else f"{100 * value:.2f} %"
