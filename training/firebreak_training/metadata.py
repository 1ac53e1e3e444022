"""Static features of Windows executables: the mean of three small gradient-boosted ensembles, merged into one graph.

Judged by leaving one source out. Groups of facts that a source lacks are hidden at random in every class, so that their
absence does not name the source.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from . import bundle, features, measure

FILES = [
    "pe_static/clamp_raw_5184.csv.gz",
    "pe_static/maldata_virusshare_win7.csv.gz",
    "pe_static/benign_debian_pe.csv.gz",
]
VERSION = "1.1.0"
SEEDS = (1, 2, 3)
ROUNDS = 250
FOLDS = 5
MISSING = -1.0
"""Share of rows in which a group of optional facts is hidden."""
HIDDEN_SHARE = 0.5
BUDGET = 0.003
"""Benign rows whose held-out score lies above this, in log-odds, weigh this much more: what decides about a false alarm is the
few benign files that look hostile, and thousands of easy ones drown them."""
HARD_ABOVE = -1.0
HARD_WEIGHT = 15.0
"""Score of what is recognized as a stub: it may never block, so it counts neither as found nor as flagged."""
SILENT = -100.0
PARAMETERS = {
    "objective": "binary",
    "num_leaves": 12,
    "learning_rate": 0.05,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "min_data_in_leaf": 40,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


@dataclass(frozen=True)
class Table:
    x: np.ndarray
    label: np.ndarray
    source: np.ndarray
    family: np.ndarray
    stub: np.ndarray


def load(data: Path) -> tuple[dict, Table]:
    schema, rows = features.dataset("metadata", data)
    return schema, Table(
        x=np.array([row["features"] for row in rows], dtype=np.float32),
        label=np.array([row["label"] for row in rows]),
        source=np.array([row["source"] for row in rows]),
        family=np.array([f"{row['source']}:{row['family']}" for row in rows]),
        stub=np.array([row["stub"] for row in rows]),
    )


def row_weights(table: Table) -> np.ndarray:
    """Near-copies share weight; both classes weigh the same."""
    _, inverse, count = np.unique(np.char.add(table.family, table.label.astype(str)), return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(count[inverse])
    for one in (0, 1):
        weight[table.label == one] *= len(weight) / 2 / weight[table.label == one].sum()
    return weight


def subset(table: Table, chosen: np.ndarray) -> Table:
    return Table(table.x[chosen], table.label[chosen], table.source[chosen], table.family[chosen], table.stub[chosen])


def hidden(x: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """A copy in which each group of optional facts is missing in a random half of the rows."""
    random = np.random.default_rng(seed)
    result = x.copy()
    for group in sorted(set(groups) - {"header"}):
        rows = np.flatnonzero(random.random(len(x)) < HIDDEN_SHARE)
        result[np.ix_(rows, np.flatnonzero(groups == group))] = MISSING
    return result


def fit(table: Table, schema: dict) -> list[lightgbm.Booster]:
    """Twice: a first model, cross-validated, tells which benign rows are hard, the second gives them more weight. Nothing but
    the table's own rows decides about that, so whoever leaves rows out leaves them out of this, too."""
    weight = row_weights(table)
    first = cross_validated(table, lambda rows: boosted(rows, row_weights(rows), schema, SEEDS[:1]))
    hard = (table.label == 0) & (first > HARD_ABOVE)
    return boosted(table, np.where(hard, HARD_WEIGHT, 1) * weight, schema, SEEDS)


def boosted(table: Table, weight: np.ndarray, schema: dict, seeds: tuple[int, ...]) -> list[lightgbm.Booster]:
    groups = np.array(schema["groups"])
    boosters = []
    for seed in seeds:
        parameters = {**PARAMETERS, "seed": seed, "monotone_constraints": schema["monotone"]}
        samples = lightgbm.Dataset(hidden(table.x, groups, seed), table.label, weight=weight, feature_name=schema["names"])
        boosters.append(lightgbm.train(parameters, samples, ROUNDS))
    return boosters


def predict(boosters: list[lightgbm.Booster], x: np.ndarray) -> np.ndarray:
    return np.mean([booster.predict(x, raw_score=True) for booster in boosters], axis=0)


def graph(boosters: list[lightgbm.Booster], width: int) -> onnx.ModelProto:
    """One node with the trees of all boosters: scores[n] = mean of their sums, in log-odds."""
    merged: dict[str, list] = {}
    base = 0.0
    first_tree = 0
    for booster in boosters:
        converted = convert_lightgbm(
            booster, name="metadata", initial_types=[("features", FloatTensorType([None, width]))], zipmap=False, target_opset=15
        )
        node = next(node for node in converted.graph.node if node.op_type.startswith("TreeEnsemble"))
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        trees = 1 + max(attributes["nodes_treeids"])
        for name, values in attributes.items():
            if name.startswith("nodes_"):
                merged.setdefault(name, []).extend([v + first_tree for v in values] if name == "nodes_treeids" else list(values))
        merged.setdefault("target_treeids", []).extend(v + first_tree for v in attributes["class_treeids"])
        merged.setdefault("target_nodeids", []).extend(attributes["class_nodeids"])
        merged.setdefault("target_weights", []).extend(v / len(boosters) for v in attributes["class_weights"])
        base += sum(attributes.get("base_values", [])) / len(boosters)
        first_tree += trees
    merged["target_ids"] = [0] * len(merged["target_nodeids"])
    node = helper.make_node(
        "TreeEnsembleRegressor", ["features"], ["scores"], domain="ai.onnx.ml", n_targets=1, base_values=[base], **merged
    )
    body = helper.make_graph(
        [node],
        "metadata",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["items", width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["items", 1])],
    )
    model = helper.make_model(
        body, producer_name="firebreak", opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)]
    )
    model.ir_version = 8
    return model


def leave_source_out(table: Table, schema: dict) -> np.ndarray:
    """Log-odds of each row by a model that saw nothing of its source."""
    scores = np.full(len(table.label), np.nan)
    for source in np.unique(table.source):
        scores[table.source == source] = predict(fit(subset(table, table.source != source), schema), table.x[table.source == source])
        print(f"metadata: judged {source} by a model of the others", flush=True)
    return scores


def cross_validated(table: Table, fitted: Callable[[Table], list[lightgbm.Booster]]) -> np.ndarray:
    """Log-odds of each row by a model that saw its source, but no near-copy of it. Stubs say nothing, whatever their score."""
    _, family = np.unique(table.family, return_inverse=True)
    fold = np.random.default_rng(0).integers(FOLDS, size=family.max() + 1)[family]
    scores = np.full(len(table.label), np.nan)
    for one in range(FOLDS):
        scores[fold == one] = predict(fitted(subset(table, fold != one)), table.x[fold == one])
    return np.where(table.stub, SILENT, scores)


def worst_threshold(table: Table, scores: np.ndarray, budget: float) -> float:
    """What keeps the source with the highest benign scores at the budget."""
    benign = table.label == 0
    return max(measure.threshold_at(scores[benign & (table.source == name)], budget) for name in np.unique(table.source))


def judged(table: Table, schema: dict, shipped: np.ndarray, threshold: float, left_out: np.ndarray) -> dict[str, dict[str, float]]:
    """For each source: at the shipped threshold by a model that knows the source (not the file), and by one that never saw
    the source, at the threshold that its makers would have set."""
    metrics = {}
    for source in np.unique(table.source):
        mine = table.source == source
        others = subset(table, ~mine)
        carried = worst_threshold(others, cross_validated(others, lambda rows: fit(rows, schema)), BUDGET)
        benign, hostile = mine & (table.label == 0), mine & (table.label == 1)
        values = {
            "stubsBenign": np.mean(table.stub[benign]),
            "falsePositives": measure.above(shipped[benign], threshold),
            "falsePositivesUnseen": measure.above(left_out[benign], carried),
        }
        if hostile.any():
            values |= {
                "stubsHostile": np.mean(table.stub[hostile]),
                "found": measure.above(shipped[hostile], threshold),
                "foundUnseen": measure.above(left_out[hostile], carried),
                "aucUnseen": measure.auc(table.label[mine & ~table.stub], left_out[mine & ~table.stub]),
                "foundUnseenAtOwn1Percent": measure.above(left_out[hostile], measure.threshold_at(left_out[benign], 0.01)),
                "foundUnseenAtOwn5Percent": measure.above(left_out[hostile], measure.threshold_at(left_out[benign], 0.05)),
            }
        metrics[str(source)] = {name: measure.rounded(value) for name, value in values.items()}
        print(f"metadata: {source} {metrics[str(source)]}", flush=True)
    bundle.print_goals("metadata, each source by a model that saw nothing of it, at the threshold of the others", goals(metrics))
    return metrics


def goals(metrics: dict[str, dict[str, float]]) -> list[tuple[str, float, str, float]]:
    columns = [("falsePositivesUnseen", "<=", 0.015), ("foundUnseen", ">=", 0.6), ("foundUnseenAtOwn1Percent", ">=", 0.5)]
    return [
        (f"{source}: {column}", values[column], relation, goal)
        for source, values in metrics.items()
        for column, relation, goal in columns
        if column in values
    ]


def train(data: Path) -> None:
    schema, table = load(data)
    print(f"metadata: {len(table.label)} rows, {table.label.sum()} hostile, {table.stub.sum()} stubs", flush=True)
    shipped = cross_validated(table, lambda rows: fit(rows, schema))
    print("metadata: cross-validated by family", flush=True)
    weight, plain = row_weights(table), ~table.stub
    calibration = measure.platt(shipped[plain], table.label[plain], weight[plain])
    probability = measure.calibrated(shipped, calibration)
    boosters = fit(table, schema)
    final = predict(boosters, table.x)
    # The budget on files never seen, and no benign file that was seen: whichever asks for more.
    worst = max(worst_threshold(table, shipped, BUDGET), float(final[plain & (table.label == 0)].max()))
    threshold = float(np.ceil(measure.calibrated(np.array([worst]), calibration)[0] * 1e4) / 1e4)
    score = (np.log(threshold / (1 - threshold)) - calibration["intercept"]) / calibration["slope"]
    left_out = np.where(table.stub, SILENT, leave_source_out(table, schema))
    metrics = {
        "bySource": judged(table, schema, shipped, score, left_out),
        "calibrationError": measure.rounded(measure.calibration_error(probability[plain], table.label[plain], weight[plain])),
    }

    model = graph(boosters, table.x.shape[1])
    runtime = bundle.session(model.SerializeToString(deterministic=True))
    difference = np.abs(runtime.run(["scores"], {"features": table.x})[0][:, 0] - final).max()
    print(f"metadata: graph against LightGBM differs by {difference:.1e} at most", flush=True)
    assert difference < 1e-4
    metrics["benignTrainingFilesFlagged"] = int(((final > score) & plain & (table.label == 0)).sum())

    manifest = {
        "id": "metadata",
        "version": VERSION,
        "featureSchemaVersion": schema["featureSchemaVersion"],
        "tier": "fast",
        "accepts": ["file"],
        "baseRate": 0.5,
        "threshold": threshold,
        "evidence": ["testimony"],
        "model": bundle.save_model("metadata", model),
        "calibration": {"full": calibration},
        "metrics": metrics,
    }
    bundle.save_manifest("metadata", manifest, data, FILES)
    expectations = []
    for case in features.golden("metadata"):
        result = runtime.run(["scores"], {"features": np.array([case["features"]], dtype=np.float32)})[0][0]
        expectations.append({"probability": measure.rounded(measure.calibrated(result, calibration)[0], 8)})
    bundle.save_golden("metadata", expectations)
    bundle.save_figures("metadata", figures(metrics["bySource"]))


def figures(metrics: dict[str, dict[str, float]]) -> list[tuple[str, ...]]:
    columns = {
        "falsePositives": "benign flagged, file not seen",
        "found": "hostile found, file not seen",
        "falsePositivesUnseen": "benign flagged, source not seen",
        "foundUnseen": "hostile found, source not seen",
        "aucUnseen": "AUC, source not seen",
        "foundUnseenAtOwn1Percent": "hostile found at its own 1 %",
        "foundUnseenAtOwn5Percent": "hostile found at its own 5 %",
        "stubsBenign": "benign stubs",
        "stubsHostile": "hostile stubs",
    }

    def cell(values: dict[str, float], key: str) -> str:
        if key not in values:
            return "–"
        return f"{values[key]:.3f}" if key == "aucUnseen" else bundle.percent(values[key])

    head = ("source", *columns.values())
    return [head, *((source, *(cell(values, key) for key in columns)) for source, values in metrics.items())]
