"""Command lines in their process context: two logistic regressions over hashed tokens, in one graph.

Column `content` reads the text alone, column `full` the text and what surrounds it. Judged where it never trained: captures
of the first laboratory by five-fold cross-validation over captures, the second laboratory by a model that saw none of it,
documentation by cross-validation over its pages.
"""

from pathlib import Path
from zlib import crc32

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from . import bundle, features, measure
from .behavior_figures import figures, left_out
from .behavior_table import FILES, TELEMETRY, VIEWS, Table, load

VERSION = "1.1.0"
FOLDS = 5
"""Weight of one row by source, before near-copies share theirs. Telemetry decides; documentation keeps it honest. Captures of
the second laboratory are labelled as a whole, so most of their rows say little. LOLBAS lists dual use."""
WEIGHTS = {"otrf": 1.0, "eas": 0.2, "atomic": 0.1, "liblol": 0.1, "lolbas": 0.03, "tldr": 0.02, "own": 1.0, "unseen": 0.0}
WINDOWS_DOCUMENTATION_WEIGHT = 0.3
INVERSE_REGULARIZATION = 10.0
LEAST_CAPTURES = 2
"""False-positive budgets that set the threshold: distinct benign lines of telemetry, documented administration commands."""
LINE_BUDGET = 0.005
DOCUMENTED_BUDGET = 0.002


def matrix(table: Table, size: int, context: str | None) -> sparse.csr_matrix:
    """Rows of weights that apply, each scaled so that a line's length does not decide. `context` names how much of it is read."""
    indices, values, ends = [], [], [0]
    for row in table.rows:
        rows = row["content"] + row[context] if context else row["content"]
        indices += rows
        values += [1 / np.sqrt(max(len(rows), 1))] * len(rows)
        ends.append(len(indices))
    return sparse.csr_matrix((values, indices, ends), shape=(len(table.rows), size))


def row_weights(table: Table, view: str) -> np.ndarray:
    weight = np.array([WEIGHTS[source] for source in table.source])
    weight[(table.source == "tldr") & table.windows] = WINDOWS_DOCUMENTATION_WEIGHT
    # The text stands alone in the content view. In the full view a row without context would make its absence a label.
    weight[(table.setting != "bare") & (table.setting != "")] *= view == "full"
    weight[table.setting == "bare"] *= view == "content"
    _, inverse, count = np.unique(np.char.add(table.source, table.line), return_inverse=True, return_counts=True)
    return weight / np.sqrt(count[inverse])


def recurring(x: sparse.csr_matrix, captures: np.ndarray) -> np.ndarray:
    """Columns seen in several captures: what one capture alone has is its laboratory's name, not its behaviour."""
    names, index = np.unique(captures, return_inverse=True)
    member = sparse.csr_matrix((np.ones(len(index)), (index, np.arange(len(index)))), shape=(len(names), len(index)))
    return np.asarray(((member @ (x > 0)) > 0).sum(axis=0)).ravel() >= LEAST_CAPTURES


def fit(forms: list[sparse.csr_matrix], table: Table, weights: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of the table's rows and the intercept; both classes of equal weight. Each row is learned in every form of its
    context, so that what a sensor does not tell names no class."""
    used = np.flatnonzero(chosen & (weights > 0))
    label, weight = np.tile(table.label[used], len(forms)), np.tile(weights[used], len(forms)) / len(forms)
    samples = sparse.vstack([x[used] for x in forms], format="csr")
    for one in (0, 1):
        weight[label == one] *= len(used) / 2 / weight[label == one].sum()
    keep = np.flatnonzero(recurring(samples, np.tile(table.capture[used], len(forms))))
    # dual=False and no shuffling: the result depends on nothing but the data.
    model = LogisticRegression(C=INVERSE_REGULARIZATION, solver="liblinear", dual=False, max_iter=1000, tol=1e-6, random_state=1)
    model.fit(samples[:, keep], label, sample_weight=weight)
    coefficients = np.zeros(samples.shape[1])
    coefficients[keep] = model.coef_[0]
    return coefficients, float(model.intercept_[0])


def fold_of(names: np.ndarray) -> np.ndarray:
    return np.array([crc32(name.encode()) % FOLDS for name in names])


def held_out(forms: list[sparse.csr_matrix], table: Table, weights: np.ndarray) -> list[np.ndarray]:
    """For each form, log-odds of each row by a model that saw neither its capture (documentation: its page) nor the second
    laboratory."""
    scores = [np.full(len(table.rows), np.nan) for _ in forms]
    other = table.source == "eas"
    fold = fold_of(table.capture)

    def judge(judged: np.ndarray, seen: np.ndarray) -> None:
        coefficients, intercept = fit(forms, table, weights, seen)
        for x, values in zip(forms, scores, strict=True):
            values[judged] = x[judged] @ coefficients + intercept

    for one in range(FOLDS):
        judge(~other & (fold == one), ~other & (fold != one))
    judge(other, ~other)
    return scores


def first_laboratory_left_out(forms: list[sparse.csr_matrix], table: Table, weights: np.ndarray) -> np.ndarray:
    """Log-odds of each row of the first laboratory by a model that saw nothing of it; not a number for the others."""
    first = table.source == "otrf"
    coefficients, intercept = fit(forms, table, weights, ~first)
    return np.where(first, forms[0] @ coefficients + intercept, np.nan)


def graph(coefficients: np.ndarray, intercepts: np.ndarray) -> onnx.ModelProto:
    """scores[n, v] = scales[n, v] * sum over l of table[rows[n, l], v] + intercept[v]; row 0 of the table is padding."""
    nodes = [
        helper.make_node("Gather", ["table", "rows"], ["weights"], axis=0),
        helper.make_node("ReduceSum", ["weights", "axes"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["sums", "scales"], ["scaled"]),
        helper.make_node("Add", ["scaled", "intercepts"], ["scores"]),
    ]
    inputs = [
        helper.make_tensor_value_info("rows", TensorProto.INT32, ["items", "tokens"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, ["items", 2]),
    ]
    initializers = [
        numpy_helper.from_array(coefficients.astype(np.float32), "table"),
        numpy_helper.from_array(intercepts.astype(np.float32), "intercepts"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"),
    ]
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["items", 2])
    body = helper.make_graph(nodes, "behavior", inputs, [output], initializers)
    model = helper.make_model(body, producer_name="firebreak", opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    return model


def scores_of(runtime: object, content: list[int], context: list[int]) -> np.ndarray:
    scales = [[1 / np.sqrt(max(len(content), 1)), 1 / np.sqrt(max(len(content) + len(context), 1))]]
    rows = np.array([content + context or [0]], dtype=np.int32)
    return runtime.run(["scores"], {"rows": rows, "scales": np.array(scales, dtype=np.float32)})[0][0]


def thresholds(table: Table, scores: np.ndarray, view: str) -> float:
    """The larger of what the two budgets ask for."""
    benign = np.isin(table.source, TELEMETRY) & ~table.excepted & (table.label == 0)
    setting = "bare" if view == "content" else "cmd"
    documented = (table.source == "tldr") & (table.setting == setting) & table.windows
    by_line = measure.threshold_at(measure.per_group(table.line[benign], scores[benign]), LINE_BUDGET)
    return max(by_line, measure.threshold_at(scores[documented], DOCUMENTED_BUDGET))


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def train(data: Path) -> None:
    schema, table = load(data)
    size, context_from = schema["rows"], schema["contextRowsFrom"]
    print(f"behavior: {len(table.rows)} rows, {table.label.sum()} hostile", flush=True)

    table_weights, intercepts = np.zeros((size, 2)), np.zeros(2)
    calibration, needed, held, unseen = {}, {}, {}, {}
    for column, (view, contexts) in enumerate(VIEWS.items()):
        forms, weights = [matrix(table, size, context) for context in contexts], row_weights(table, view)
        held[view], *poorer = held_out(forms, table, weights)
        unseen[view] = first_laboratory_left_out(forms, table, weights)
        scores = held[view]
        judge = np.isin(table.source, TELEMETRY) & ~table.excepted | (weights > 0) & (table.source == "tldr") & table.windows
        calibration[view] = measure.platt(scores[judge], table.label[judge], weights[judge])
        needed[view] = float(measure.calibrated(max(thresholds(table, form, view) for form in [scores, *poorer]), calibration[view]))
        coefficients, intercepts[column] = fit(forms, table, weights, np.ones(len(table.rows), dtype=bool))
        table_weights[:, column] = coefficients
        print(f"behavior: {view} view trained, needs a threshold of {needed[view]:.4f}", flush=True)
    assert not table_weights[0].any() and not table_weights[context_from:, 0].any()

    # The engine knows one threshold for each classifier: the view that would need a higher one is shifted down to it, which
    # makes its probabilities careful, never bold.
    strictest = min(needed.values())
    threshold = float(np.ceil(1e4 * strictest) / 1e4)
    for view, value in needed.items():
        shift = max(0.0, log_odds(value) - log_odds(strictest))
        calibration[view]["intercept"] = measure.rounded(calibration[view]["intercept"] - shift, 6)
    metrics = left_out(table, held, unseen, calibration, threshold)

    model = graph(table_weights, intercepts)
    entry = bundle.save_model("behavior", model)
    manifest = {
        "id": "behavior",
        "version": VERSION,
        "featureSchemaVersion": schema["featureSchemaVersion"],
        "tier": "fast",
        "accepts": ["command-line", "file"],
        "baseRate": 0.5,
        "threshold": threshold,
        "evidence": ["content", "testimony"],
        "model": entry,
        "calibration": calibration,
        "metrics": metrics,
    }
    bundle.save_manifest("behavior", manifest, data, FILES)

    runtime = bundle.session(model.SerializeToString(deterministic=True))
    expectations = []
    for processes in features.golden("behavior"):
        expectations.append(expectation(runtime, processes, calibration))
    bundle.save_golden("behavior", expectations)
    bundle.save_figures("behavior", figures(metrics))


def expectation(runtime: object, processes: list[dict], calibration: dict[str, dict[str, float]]) -> dict[str, float]:
    """The most suspicious process counts; wording that condemns itself condemns in every context."""
    text, whole = [], []
    for process in processes:
        scores = scores_of(runtime, process["content"], process["context"])
        text.append(measure.calibrated(scores[0], calibration["content"]))
        in_context = measure.calibrated(scores[1], calibration["full"]) if process["context"] else 0.0
        whole.append(max(text[-1], in_context))
    return {"probability": measure.rounded(max(whole), 8), "textProbability": measure.rounded(max(text), 8)}
