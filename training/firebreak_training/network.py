"""Names of hosts: runs of three letters against several languages and harmless names, and shape, in one graph.

A table holds, for each run, how likely its last symbol is after the two before, in harmless names, in English, in all
languages, and in each group of languages. Their means, sums and minima over a name stand beside its shape in front of boosted
trees. Hostile names are those of known algorithms and of invented ones; harmless ones are those of public lists and, at a
small weight, words of other languages composed. Judged where it never trained: each family of algorithms, and each list of
harmless names, by a model that saw nothing of it.
"""

from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import lightgbm
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from . import bundle, features, measure

FILES = [
    "domains/dga_netlab_alexa_sample.csv.gz",
    "domains/benign_popular_tranco_majestic.csv.gz",
    "domains/context_lists_misp.csv.gz",
]
VERSION = "1.0.0"
ROUNDS = 300
INNER_FOLDS = 3
"""Share of harmless names above the threshold in the worst of the lists that are large enough to tell."""
BUDGET = 0.01
LEAST_NAMES = 400
"""Weight of an invented family; a known one has 1."""
INVENTED_WEIGHT = 0.35
"""Lists of harmless names, by the fold that leaves them out; the small ones together by chance."""
SOURCE_FOLDS = {"tranco10k": 0, "moz-top500": 0, "majestic_million": 1, "alexa": 2, "university_domains": 3}
FOLDS = 5
"""What the trees read is rounded to this: sums are exact in any order, and thresholds between two values are floats."""
STEP = 1 / 1024
LANGUAGES = {
    "english": ["english"],
    "low-german": ["german", "dutch", "afrikaans"],
    "gallic": ["french", "catalan", "occitan"],
    "romance": ["spanish", "portuguese", "italian", "romanian", "esperanto"],
    "nordic": ["swedish", "danish", "norwegian"],
    "slavic": ["polish", "czech", "slovak", "slovenian"],
    "turkic": ["turkish"],
    "uralic": ["finnish", "estonian", "hungarian"],
    "baltic": ["latvian", "lithuanian", "albanian"],
    "asian": ["indonesian", "vietnamese"],
}
"""Columns of the table before those of the groups of languages."""
COMMON = 3
PARAMETERS = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.06,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "min_data_in_leaf": 80,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 1,
    "verbose": -1,
}


@dataclass(frozen=True)
class Runs:
    """Rows of the table that apply to each name, one after the other."""

    rows: np.ndarray
    lengths: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True)
class Table:
    runs: Runs
    shape: np.ndarray
    label: np.ndarray
    source: np.ndarray
    family: np.ndarray
    """The judged label: names that share it are copies of one another."""
    item: np.ndarray


def runs_of(lists: list[list[int]]) -> Runs:
    lengths = np.array([len(rows) for rows in lists])
    return Runs(np.concatenate([np.array(rows) for rows in lists]), lengths, np.concatenate([[0], np.cumsum(lengths)[:-1]]))


def load(data: Path) -> tuple[dict, Table, dict[str, np.ndarray]]:
    """The schema, the names, and how often each run occurs in each language, frequent words more."""
    schema, rows = features.dataset("network", data)
    counts = {language: np.zeros(schema["trigramRows"]) for group in LANGUAGES.values() for language in group}
    for row in rows:
        if row["source"] == "words":
            np.add.at(counts[row["family"]], row["trigrams"], 1 / np.sqrt(10 + row["rank"]))
    names = [row for row in rows if row["source"] != "words"]
    table = Table(
        runs=runs_of([row["trigrams"] for row in names]),
        shape=np.array([row["shape"] for row in names], dtype=np.float32),
        label=np.array([row["label"] for row in names]),
        source=np.array([row["source"] for row in names]),
        family=np.array([row["family"] for row in names]),
        item=np.array([row["item"] for row in names]),
    )
    return schema, table, counts


def likelihoods(counts: np.ndarray, mass: float) -> np.ndarray:
    """Log-likelihood of the last symbol of each run, backed off to shorter ones; `mass` is how much the counts are trusted.
    Row 0, the padding, is 0."""
    size = round((len(counts) - 1) ** (1 / 3))
    cube = counts[1:].reshape(size, size, size) * (mass / max(counts.sum(), 1e-9))
    one = cube.sum((0, 1)) + 0.5
    two = cube.sum(0)
    two = (two + 20 * one / one.sum()) / (two.sum(1, keepdims=True) + 20)
    three = (cube + 10 * two[None]) / (cube.sum(2, keepdims=True) + 10)
    return np.concatenate([[0.0], np.round(np.log(three).ravel() / STEP) * STEP])


def run_counts(table: Table, weights: np.ndarray) -> np.ndarray:
    return np.bincount(table.runs.rows, weights=np.repeat(weights, table.runs.lengths))


def languages(counts: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Columns for English, for all languages, and for each group."""
    everything = sum(counts.values())
    groups = [sum(counts[language] for language in group) for group in LANGUAGES.values()]
    return [likelihoods(counts["english"], 1e5), likelihoods(everything, 3e5), *(likelihoods(group, 1e5) for group in groups)]


def columns_of(harmless: np.ndarray, spoken: list[np.ndarray], size: int) -> np.ndarray:
    counts = np.zeros(size)
    counts[: len(harmless)] = harmless
    return np.stack([likelihoods(counts, 3e5), *spoken], axis=1).astype(np.float32)


def inputs_of(columns: np.ndarray, runs: Runs, shape: np.ndarray) -> np.ndarray:
    """What the trees read of each name, as the graph computes it."""
    values = columns[runs.rows]
    sums = np.add.reduceat(values, runs.starts)
    least = np.minimum.reduceat(values, runs.starts)
    mean = np.round(sums / runs.lengths[:, None].astype(np.float32) / np.float32(STEP)) * np.float32(STEP)
    best = [part[:, COMMON:].max(axis=1, keepdims=True) for part in (mean, least, sums)]
    return np.concatenate([mean[:, :COMMON], least[:, :COMMON], sums[:, :COMMON], *best, shape], axis=1)


def row_weights(table: Table, chosen: np.ndarray) -> np.ndarray:
    """Each known family has the same weight, an invented one less; of a list the root of its size; both classes the same."""
    weight = np.zeros(len(table.label))
    for one in (0, 1):
        groups = np.where(table.label == 1, np.char.add(table.source, table.family), table.source)
        for group in np.unique(groups[chosen & (table.label == one)]):
            mine = chosen & (groups == group) & (table.label == one)
            whole = np.sqrt(mine.sum()) if one == 0 else INVENTED_WEIGHT if table.source[mine][0] == "synthetic" else 1
            weight[mine] = whole / mine.sum()
        weight[chosen & (table.label == one)] *= chosen.sum() / 2 / weight[chosen & (table.label == one)].sum()
    return weight


def harmless_columns(table: Table, spoken: list[np.ndarray], size: int, seen: np.ndarray, weights: np.ndarray) -> np.ndarray:
    learned = seen & (table.label == 0) & (table.source != "compounds")
    return columns_of(run_counts(table, np.where(learned, weights, 0)), spoken, size)


def fit(table: Table, spoken: list[np.ndarray], size: int, seen: np.ndarray) -> tuple[lightgbm.Booster, np.ndarray]:
    """The trees and the table. The trees learn of each harmless name by a table that did not count it."""
    weights = row_weights(table, seen)
    columns = harmless_columns(table, spoken, size, seen, weights)
    x = inputs_of(columns, table.runs, table.shape)
    fold = np.array([crc32(item.encode()) % INNER_FOLDS for item in table.item])
    for one in range(INNER_FOLDS):
        inner = inputs_of(harmless_columns(table, spoken, size, seen & (fold != one), weights), table.runs, table.shape)
        x[fold == one] = inner[fold == one]
    data = lightgbm.Dataset(x[seen], label=table.label[seen], weight=weights[seen])
    return lightgbm.train(PARAMETERS, data, ROUNDS), columns


def fold_of(table: Table) -> np.ndarray:
    """The fold that leaves a name out: with its family, or with its list. Invented names are always learned: -1."""
    families = sorted(np.unique(table.family[table.source == "netlab"]), key=lambda name: crc32(name.encode()))
    place = {name: index % FOLDS for index, name in enumerate(families)}

    def fold(source: str, family: str) -> int:
        if source in ("synthetic", "compounds"):
            return -1
        return place[family] if source == "netlab" else SOURCE_FOLDS.get(source, 4)

    return np.array([fold(*about) for about in zip(table.source, table.family, strict=True)])


def held_out(table: Table, spoken: list[np.ndarray], size: int) -> np.ndarray:
    """Log-odds of each name of the tables by a model that saw neither its family nor its list, nor the same name elsewhere."""
    fold, scores = fold_of(table), np.full(len(table.label), np.nan)
    for one in range(FOLDS):
        out = fold == one
        copies = np.isin(table.item, table.item[out]) & (table.label == 0)
        booster, columns = fit(table, spoken, size, ~out & ~copies)
        scores[out] = booster.predict(inputs_of(columns, table.runs, table.shape)[out], raw_score=True)
        print(f"network: judged fold {one + 1} of {FOLDS} by a model of the others", flush=True)
    return scores


def lists_of(table: Table) -> list[str]:
    """Lists of harmless names that are large enough to tell a rate of one per cent."""
    names, counts = np.unique(table.source[(table.label == 0) & (table.source != "compounds")], return_counts=True)
    return [str(name) for name, count in zip(names, counts, strict=True) if count >= LEAST_NAMES]


def graph(booster: lightgbm.Booster, columns: np.ndarray, width: int) -> onnx.ModelProto:
    """scores[n, 1] in log-odds from rows[n, l] of the table, lengths[n, 1] and shape[n, s]; row 0 of the table is padding."""
    inputs = COMMON * 3 + 3 + width
    converted = convert_lightgbm(
        booster, name="fixed", initial_types=[("x", FloatTensorType([None, inputs]))], zipmap=False, target_opset=15
    )
    [trees] = [node for node in converted.graph.node if node.op_type == "TreeEnsembleClassifier"]
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in trees.attribute}
    kept = {name: value for name, value in given.items() if name.startswith("nodes_")}
    renamed = {f"target_{name}": given[f"class_{name}"] for name in ("treeids", "nodeids", "weights")}
    nodes = [
        helper.make_node("Gather", ["table", "rows"], ["stored"], axis=0),
        helper.make_node("Cast", ["stored"], ["steps"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["steps", "step"], ["values"]),
        helper.make_node("ReduceSum", ["values", "along"], ["sums"], keepdims=0),
        helper.make_node("ReduceMin", ["values"], ["least"], axes=[1], keepdims=0),
        helper.make_node("Div", ["sums", "lengths"], ["exact_mean"]),
        helper.make_node("Div", ["exact_mean", "step"], ["mean_steps"]),
        helper.make_node("Round", ["mean_steps"], ["whole_steps"]),
        helper.make_node("Mul", ["whole_steps", "step"], ["mean"]),
    ]
    for part in ("mean", "least", "sums"):
        nodes += [
            helper.make_node("Slice", [part, "zero", "common", "along"], [f"{part}_common"]),
            helper.make_node("Slice", [part, "common", "end", "along"], [f"{part}_spoken"]),
            helper.make_node("ReduceMax", [f"{part}_spoken"], [f"{part}_best"], axes=[1], keepdims=1),
        ]
    parts = [f"{part}_{kind}" for kind in ("common", "best") for part in ("mean", "least", "sums")]
    nodes += [
        helper.make_node("Concat", [*parts, "shape"], ["x"], axis=1),
        helper.make_node(
            "TreeEnsembleRegressor",
            ["x"],
            ["scores"],
            domain="ai.onnx.ml",
            n_targets=1,
            target_ids=[0] * len(renamed["target_nodeids"]),
            **({"base_values": given["base_values"]} if "base_values" in given else {}),
            **kept,
            **renamed,
        ),
    ]
    initializers = [
        numpy_helper.from_array(np.round(columns / STEP).astype(np.int16), "table"),
        numpy_helper.from_array(np.array([STEP], dtype=np.float32), "step"),
        *(
            numpy_helper.from_array(np.array([value], dtype=np.int64), name)
            for name, value in {"along": 1, "zero": 0, "common": COMMON, "end": columns.shape[1]}.items()
        ),
    ]
    body = helper.make_graph(
        nodes,
        "network",
        [
            helper.make_tensor_value_info("rows", TensorProto.INT32, ["items", "runs"]),
            helper.make_tensor_value_info("lengths", TensorProto.FLOAT, ["items", 1]),
            helper.make_tensor_value_info("shape", TensorProto.FLOAT, ["items", width]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["items", 1])],
        initializers,
    )
    model = helper.make_model(
        body, producer_name="firebreak", opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)]
    )
    model.ir_version = 8
    return model


def scores_of(runtime: object, runs: Runs, shape: np.ndarray) -> np.ndarray:
    """Log-odds by the graph, names padded to the longest of them."""
    rows = np.zeros((len(runs.lengths), runs.lengths.max()), dtype=np.int32)
    rows[np.arange(rows.shape[1]) < runs.lengths[:, None]] = runs.rows
    lengths = runs.lengths[:, None].astype(np.float32)
    return runtime.run(["scores"], {"rows": rows, "lengths": lengths, "shape": shape})[0][:, 0]


def judged(table: Table, scores: np.ndarray, threshold: float) -> dict[str, object]:
    """What results at the threshold by models that never saw the family, or the list."""
    known = table.source == "netlab"
    families = {name: measure.above(scores[known & (table.family == name)], threshold) for name in np.unique(table.family[known])}
    lists = {name: measure.above(scores[(table.source == name) & (table.label == 0)], threshold) for name in lists_of(table)}
    benign = (table.label == 0) & ~np.isnan(scores)
    chosen = known | benign
    return {
        "familiesFound": {str(name): measure.rounded(value) for name, value in families.items()},
        "familiesFoundMacro": measure.rounded(np.mean(list(families.values()))),
        "benignFlagged": {name: measure.rounded(value) for name, value in lists.items()},
        "benignFlaggedAll": measure.rounded(measure.above(scores[benign], threshold)),
        "auc": measure.rounded(measure.auc(table.label[chosen], scores[chosen])),
    }


def train(data: Path) -> None:
    schema, table, counts = load(data)
    spoken, size = languages(counts), schema["trigramRows"]
    print(f"network: {len(table.label)} names, {table.label.sum()} hostile", flush=True)
    scores = held_out(table, spoken, size)
    told = ~np.isnan(scores)
    weights = row_weights(table, told)
    calibration = measure.platt(scores[told], table.label[told], weights[told])
    worst = max(measure.threshold_at(scores[(table.source == name) & (table.label == 0)], BUDGET) for name in lists_of(table))
    threshold = float(np.ceil(measure.calibrated(np.array([worst]), calibration)[0] * 1e4) / 1e4)
    score = (np.log(threshold / (1 - threshold)) - calibration["intercept"]) / calibration["slope"]
    metrics = judged(table, scores, score)
    probability = measure.calibrated(scores[told], calibration)
    metrics["calibrationError"] = measure.rounded(measure.calibration_error(probability, table.label[told], weights[told]))
    print(f"network: {metrics}", flush=True)

    booster, columns = fit(table, spoken, size, np.ones(len(table.label), dtype=bool))
    model = graph(booster, columns, table.shape.shape[1])
    runtime = bundle.session(model.SerializeToString(deterministic=True))
    final = booster.predict(inputs_of(columns, table.runs, table.shape), raw_score=True)
    difference = np.abs(scores_of(runtime, table.runs, table.shape) - final).max()
    print(f"network: graph against LightGBM differs by {difference:.1e} at most", flush=True)
    assert difference < 1e-4

    manifest = {
        "id": "network",
        "version": VERSION,
        "featureSchemaVersion": schema["featureSchemaVersion"],
        "tier": "fast",
        "accepts": ["domain", "ip", "url"],
        "baseRate": 0.5,
        "threshold": threshold,
        "supportsOnly": True,
        "evidence": ["content"],
        "model": bundle.save_model("network", model),
        "calibration": {"full": calibration},
        "metrics": metrics,
    }
    bundle.save_manifest("network", manifest, data, FILES)
    bundle.save_golden("network", [expected(runtime, case, calibration) for case in features.golden("network")])
    bundle.save_figures("network", figures(metrics))


def expected(runtime: object, case: dict, calibration: dict[str, float]) -> dict:
    score = scores_of(runtime, runs_of([case["trigrams"]]), np.array([case["shape"]], dtype=np.float32))
    return {"probability": measure.rounded(measure.calibrated(score, calibration)[0], 8)}


def figures(metrics: dict) -> list[tuple[str, ...]]:
    found = sorted(metrics["familiesFound"].items(), key=lambda item: -item[1])
    return [
        ("names, by a model that never saw their family or list", "above the threshold"),
        ("**families of algorithms, mean of all**", bundle.percent(metrics["familiesFoundMacro"])),
        *((f"family {name}", bundle.percent(value)) for name, value in found),
        *((f"harmless, list {name}", bundle.percent(value)) for name, value in metrics["benignFlagged"].items()),
        ("harmless, all lists", bundle.percent(metrics["benignFlaggedAll"])),
    ]
