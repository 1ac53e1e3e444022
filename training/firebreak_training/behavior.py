"""Command lines in their process context: logistic regressions over hashed tokens, in one graph.

Column `content` reads the text alone, the others the text and what is told of its surroundings: a part; image and parent; all.
Each has weights and a calibration of its own, because what a sensor leaves out must not speak for or against a process. Judged where it never trained: captures
of the first laboratory by five-fold cross-validation over captures, the second laboratory by a model that saw none of it,
documentation by cross-validation over its pages.
"""

from dataclasses import dataclass
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

VERSION = "1.2.0"
FOLDS = 5
"""Weight of one row by source, before near-copies share theirs. Telemetry decides; documentation keeps it honest. Captures of
the second laboratory are labelled as a whole, so most of their rows say little. LOLBAS lists dual use."""
WEIGHTS = {"otrf": 1.0, "eas": 0.2, "atomic": 0.1, "liblol": 0.1, "lolbas": 0.03, "tldr": 0.02, "own": 1.0, "unseen": 0.0}
WINDOWS_DOCUMENTATION_WEIGHT = 0.3
"""Of the forms that a view reads of a row so many are learned."""
LEARNED_FORMS = 3
"""Rows of benign telemetry from which a form of the context has a say in the threshold."""
LEAST_JUDGED = 500
INVERSE_REGULARIZATION = 10.0
LEAST_CAPTURES = 2
"""False-positive budgets that set the threshold: distinct benign lines of telemetry, documented administration commands."""
LINE_BUDGET = 0.0075
DOCUMENTED_BUDGET = 0.003


def matrix(rows: list[np.ndarray], size: int) -> sparse.csr_matrix:
    """Rows of weights that apply, each scaled so that a line's length does not decide."""
    counts = np.array([len(row) for row in rows])
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)
    return sparse.csr_matrix((values, np.concatenate(rows), np.concatenate([[0], np.cumsum(counts)])), shape=(len(rows), size))


@dataclass(frozen=True)
class Form:
    """What a view reads of each row in one way of telling, and of which rows that is anything."""

    x: sparse.csr_matrix
    present: np.ndarray


def forms_of(table: Table, size: int, view: str) -> dict[str, Form]:
    """By telling. Where the text stands alone there is one, which every row has."""
    if view == "content":
        return {"text": Form(matrix(table.content, size), np.ones(len(table.label), dtype=bool))}
    forms = {}
    for telling, context in table.contexts.items():
        some = np.array([len(rows) > 0 for rows in context])
        present = some & (table.views[telling] == view)
        both = [np.concatenate(pair) for pair in zip(table.content, context, strict=True)]
        if present.any():
            forms[telling] = Form(matrix(both, size), present)
    return forms


def learned_forms(forms: list[Form]) -> np.ndarray:
    """Which forms of a row are learned: at most LEARNED_FORMS of those that it has, in turn, whatever the row's class is."""
    present = np.array([form.present for form in forms])
    turn = np.array([crc32(str(row).encode()) for row in range(present.shape[1])])
    place = np.cumsum(present, axis=0) - 1
    count = np.maximum(present.sum(axis=0), 1)
    return present & ((place - turn) % count < LEARNED_FORMS)


def row_weights(table: Table, view: str) -> np.ndarray:
    weight = np.array([WEIGHTS[source] for source in table.source])
    weight[(table.source == "tldr") & table.windows] = WINDOWS_DOCUMENTATION_WEIGHT
    # The text stands alone in the content view. In the full view a row without context would make its absence a label.
    weight[(table.setting != "bare") & (table.setting != "")] *= view != "content"
    weight[table.setting == "bare"] *= view == "content"
    # Shells of Windows start no commands of other systems.
    weight[(table.source == "tldr") & ~table.windows] *= view == "content"
    _, inverse, count = np.unique(np.char.add(table.source, table.line), return_inverse=True, return_counts=True)
    return weight / np.sqrt(count[inverse])


def recurring(x: sparse.csr_matrix, captures: np.ndarray) -> np.ndarray:
    """Columns seen in several captures: what one capture alone has is its laboratory's name, not its behaviour."""
    names, index = np.unique(captures, return_inverse=True)
    member = sparse.csr_matrix((np.ones(len(index)), (index, np.arange(len(index)))), shape=(len(names), len(index)))
    return np.asarray(((member @ (x > 0)) > 0).sum(axis=0)).ravel() >= LEAST_CAPTURES


def fit(forms: list[Form], table: Table, weights: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of the table's rows and the intercept; both classes of equal weight. Each row is learned with more and with less
    of its context, so that what a sensor does not tell names no class."""
    learned = learned_forms(forms) & chosen & (weights > 0)
    used = np.concatenate([np.flatnonzero(form) for form in learned])
    label, weight = table.label[used], (weights / np.maximum(learned.sum(axis=0), 1))[used]
    samples = sparse.vstack([form.x[rows] for form, rows in zip(forms, learned, strict=True)], format="csr")
    for one in (0, 1):
        weight[label == one] *= learned.any(axis=0).sum() / 2 / weight[label == one].sum()
    keep = np.flatnonzero(recurring(samples, table.capture[used]))
    # dual=False and no shuffling: the result depends on nothing but the data.
    model = LogisticRegression(C=INVERSE_REGULARIZATION, solver="liblinear", dual=False, max_iter=1000, tol=1e-6, random_state=1)
    model.fit(samples[:, keep], label, sample_weight=weight)
    coefficients = np.zeros(samples.shape[1])
    coefficients[keep] = model.coef_[0]
    return coefficients, float(model.intercept_[0])


def fold_of(names: np.ndarray) -> np.ndarray:
    return np.array([crc32(name.encode()) % FOLDS for name in names])


def scored(form: Form, rows: np.ndarray, coefficients: np.ndarray, intercept: float) -> np.ndarray:
    """Not a number where the view reads nothing in this form."""
    return np.where(form.present[rows], form.x[rows] @ coefficients + intercept, np.nan)


def held_out(forms: dict[str, Form], table: Table, weights: np.ndarray) -> dict[str, np.ndarray]:
    """For each form, log-odds of each row by a model that saw neither its capture (documentation: its page) nor the second
    laboratory."""
    scores = {telling: np.full(len(table.label), np.nan) for telling in forms}
    other = table.source == "eas"
    fold = fold_of(table.capture)

    def judge(judged: np.ndarray, seen: np.ndarray) -> None:
        model = fit(list(forms.values()), table, weights, seen)
        for telling, form in forms.items():
            scores[telling][judged] = scored(form, judged, *model)

    for one in range(FOLDS):
        judge(~other & (fold == one), ~other & (fold != one))
    judge(other, ~other)
    return scores


def first_laboratory_left_out(forms: dict[str, Form], table: Table, weights: np.ndarray) -> np.ndarray:
    """Log-odds of each row of the first laboratory, in its first form, by a model that saw nothing of it; not a number for the
    others."""
    first = table.source == "otrf"
    whole, *_ = forms.values()
    return np.where(first, scored(whole, np.ones(len(first), dtype=bool), *fit(list(forms.values()), table, weights, ~first)), np.nan)


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
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, ["items", len(VIEWS)]),
    ]
    initializers = [
        numpy_helper.from_array(coefficients.astype(np.float32), "table"),
        numpy_helper.from_array(intercepts.astype(np.float32), "intercepts"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"),
    ]
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["items", len(VIEWS)])
    body = helper.make_graph(nodes, "behavior", inputs, [output], initializers)
    model = helper.make_model(body, producer_name="firebreak", opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    return model


def scores_of(runtime: object, content: list[int], context: list[int]) -> np.ndarray:
    whole = 1 / np.sqrt(max(len(content) + len(context), 1))
    scales = np.array([[1 / np.sqrt(max(len(content), 1)), *[whole for _ in VIEWS[1:]]]], dtype=np.float32)
    return runtime.run(["scores"], {"rows": np.array([content + context or [0]], dtype=np.int32), "scales": scales})[0][0]


def judged_rows(table: Table, scores: np.ndarray) -> np.ndarray:
    """Benign telemetry that has a score."""
    return ~np.isnan(scores) & np.isin(table.source, TELEMETRY) & ~table.excepted & (table.label == 0)


def thresholds(table: Table, scores: np.ndarray, view: str) -> float:
    """The larger of what the two budgets ask for, of the rows that are scored."""
    benign = judged_rows(table, scores)
    setting = "bare" if view == "content" else "cmd"
    documented = ~np.isnan(scores) & (table.source == "tldr") & (table.setting == setting) & table.windows
    by_line = measure.threshold_at(measure.per_group(table.line[benign], scores[benign]), LINE_BUDGET)
    return max(by_line, measure.threshold_at(scores[documented], DOCUMENTED_BUDGET)) if documented.any() else by_line


def usual(scores: dict[str, np.ndarray]) -> np.ndarray:
    """Of each row the score in the first form that it has: what telemetry itself told."""
    values = np.array(list(scores.values()))
    first = np.argmax(~np.isnan(values), axis=0)
    return values[first, np.arange(values.shape[1])]


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def train(data: Path) -> None:
    schema, table = load(data)
    size, context_from = schema["rows"], schema["contextRowsFrom"]
    print(f"behavior: {len(table.label)} rows, {table.label.sum()} hostile", flush=True)

    table_weights, intercepts = np.zeros((size, len(VIEWS))), np.zeros(len(VIEWS))
    calibration, needed, held, unseen = {}, {}, {}, {}
    for column, view in enumerate(VIEWS):
        forms, weights = forms_of(table, size, view), row_weights(table, view)
        held[view] = held_out(forms, table, weights)
        unseen[view] = first_laboratory_left_out(forms, table, weights)
        scores = usual(held[view])
        judge = np.isin(table.source, TELEMETRY) & ~table.excepted | (weights > 0) & (table.source == "tldr") & table.windows
        judge &= ~np.isnan(scores)
        calibration[view] = measure.platt(scores[judge], table.label[judge], weights[judge])
        enough = [form for form in held[view].values() if judged_rows(table, form).sum() >= LEAST_JUDGED]
        needed[view] = float(measure.calibrated(max(thresholds(table, form, view) for form in enough), calibration[view]))
        coefficients, intercepts[column] = fit(list(forms.values()), table, weights, np.ones(len(table.label), dtype=bool))
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
        scores = dict(zip(VIEWS, scores_of(runtime, process["content"], process["context"]), strict=True))
        text.append(measure.calibrated(scores["content"], calibration["content"]))
        view = process["view"]
        in_context = measure.calibrated(scores[view], calibration[view]) if process["context"] else 0.0
        whole.append(max(text[-1], in_context))
    return {"probability": measure.rounded(max(whole), 8), "textProbability": measure.rounded(max(text), 8)}
