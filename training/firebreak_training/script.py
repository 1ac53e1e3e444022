"""PowerShell: one logistic regression over windows of a script; the worst window is the script's score.

Words and pairs of words are shared out over the window; what a window can do (capabilities, and each two of them) counts whole
and starts from weights that analysts would give, because the hostile collection is narrow: eight makers' loaders and
downloaders of 2017. The fit moves them as far as the data says. Judged where it never trained: each fold leaves out a
hostile family (or all of a maker's) together with a benign style.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy import sparse
from scipy.optimize import minimize

from . import bundle, features, measure

FILES = [
    "scripts/ps_malicious_unit42_dev_families.jsonl.gz",
    "scripts/ps_benign_mpsd.jsonl.gz",
    "commands/atomic_red_team.jsonl.gz",
    "commands/benign_tldr_examples.jsonl.gz",
]
VERSION = "1.0.0"
"""Weight of one script by source, before near-copies share theirs. Attack tests are commands that an attacker would also run;
many are ordinary by themselves."""
WEIGHTS = {"collected": 1.0, "launcher": 0.2, "framework": 0.6, "atomic": 0.2, "public": 1.0, "tldr": 0.3, "own": 1.0}
STYLES = ["test", "function", "parameters", "plain", "install", "configuration", "class", "short", "documentation"]
"""Families whose scripts come out of the same few templates are one maker's."""
MAKERS = {
    "Shellcode Inject": "loader",
    "Unicorn": "loader",
    "Unicorn Modified": "loader",
    "Downloader DFSP": "file downloader",
    "Downloader DFSP 2X": "file downloader",
    "Downloader DFSP DPL": "file downloader",
    "Downloader IEXDS": "text downloader",
}
INVERSE_REGULARIZATION = 3.0
CAPABILITY_VALUE = 0.5
LEAST_CLUSTERS = 3
ROUNDS = 3
"""Budget of false positives on the worst style, and the fewest scripts of which a rate is worth the name."""
BUDGET = 0.01
LEAST_SCRIPTS = 30
"""Log-odds that a capability alone, or two in one window, speak for malice before any data is seen."""
PRIOR_SCALE = 2.0
PRIOR = {
    "memory": 1.5, "thread": 1.2, "scanning": 1.5, "tracing": 1.2, "emit": 0.8, "credentials": 0.6, "token": 0.7, "keys": 0.8,
    "elevation": 0.6, "exploit": 1.2, "protection": 0.6, "evaluate": 0.4, "download": 0.3, "decode": 0.3, "hidden": 0.3,
    "cipher": 0.5, "native": 0.4, "persistence": 0.3, "snapshot": 0.4, "socket": 0.3, "proxy": 0.2, "capture": 0.3, "chat": 0.2,
}  # fmt: skip
PRIOR_PAIRS = {
    ("download", "evaluate"): 2.0, ("download", "start"): 1.2, ("native", "memory"): 1.0, ("memory", "thread"): 1.5,
    ("reflect", "scanning"): 1.5, ("reflect", "tracing"): 1.0, ("evaluate", "decode"): 1.2, ("decode", "compress"): 0.3,
    ("evaluate", "compress"): 0.7, ("evaluate", "hidden"): 0.8, ("download", "hidden"): 0.8, ("start", "hidden"): 0.3,
    ("evaluate", "cipher"): 0.7, ("evaluate", "socket"): 1.5, ("socket", "shell"): 0.7, ("evaluate", "proxy"): 0.7,
    ("emit", "native"): 0.6, ("emit", "memory"): 1.0, ("decode", "memory"): 1.0, ("decode", "reflect"): 0.6,
    ("evaluate", "characters"): 0.5, ("download", "proxy"): 0.3, ("native", "token"): 0.5, ("native", "keys"): 0.7,
    ("native", "credentials"): 0.7, ("memory", "exploit"): 0.7, ("evaluate", "exploit"): 0.5, ("decode", "hidden"): 0.5,
    ("reflect", "credentials"): 0.4, ("hidden", "persistence"): 0.5, ("start", "protection"): 0.2,
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Scripts, one column an array; `x` holds their windows, `owner` says whose each is."""

    x: sparse.csr_matrix
    owner: np.ndarray
    source: np.ndarray
    label: np.ndarray
    group: np.ndarray
    maker: np.ndarray
    cluster: np.ndarray
    by_rules: np.ndarray


def load(data: Path) -> tuple[dict, Table]:
    schema, rows = features.dataset("script", data)
    indices, values, ends, owner = [], [], [0], []
    for number, row in enumerate(rows):
        for words, capabilities in row["windows"]:
            indices += words + capabilities
            values += [scale_of(len(words), schema)] * len(words) + [CAPABILITY_VALUE] * len(capabilities)
            ends.append(len(indices))
            owner.append(number)

    def column(name: str) -> np.ndarray:
        return np.array([row[name] for row in rows])

    group = column("group")
    return schema, Table(
        x=sparse.csr_matrix((values, indices, ends), shape=(len(owner), schema["rows"])),
        owner=np.array(owner),
        source=column("source"),
        label=(column("label") == "malicious").astype(int),
        group=group,
        maker=np.array([MAKERS.get(name, name) for name in group]),
        cluster=column("cluster"),
        by_rules=column("byRules"),
    )


def scale_of(words: int, schema: dict) -> float:
    return 1 / np.sqrt(max(words, schema["leastRows"]))


def prior_of(schema: dict) -> np.ndarray:
    names, start = schema["capabilities"], schema["capabilityRowsFrom"]
    kinds, prior = len(names), np.zeros(schema["rows"])
    for name, value in PRIOR.items():
        prior[start + names.index(name)] = PRIOR_SCALE * value
    for pair, value in PRIOR_PAIRS.items():
        first, second = sorted(names.index(name) for name in pair)
        prior[start + kinds + first * kinds - first * (first + 1) // 2 + second - first - 1] = PRIOR_SCALE * value
    return prior


def script_weights(table: Table) -> np.ndarray:
    """Near-copies share weight."""
    _, inverse, count = np.unique(np.char.add(table.source, table.cluster), return_inverse=True, return_counts=True)
    return np.array([WEIGHTS[source] for source in table.source]) / np.sqrt(count[inverse])


def recurring(x: sparse.csr_matrix, clusters: np.ndarray, capabilities_from: int) -> np.ndarray:
    """Columns that several clusters share, and every capability: what one script alone has is its author's name for it."""
    names, index = np.unique(clusters, return_inverse=True)
    member = sparse.csr_matrix((np.ones(len(index)), (index, np.arange(len(index)))), shape=(len(names), len(index)))
    keep = np.asarray(((member @ (x > 0)) > 0).sum(axis=0)).ravel() >= LEAST_CLUSTERS
    keep[capabilities_from:] = True
    return np.flatnonzero(keep)


def regress(x: sparse.csr_matrix, sign: np.ndarray, weight: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, float]:
    """Logistic regression whose weights are drawn to `prior` instead of to zero. Depends on nothing but the data."""
    base, transposed = x @ prior, x.T.tocsr()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        moved, intercept = parameters[:-1], parameters[-1]
        margin = sign * (base + x @ moved + intercept)
        slope = -INVERSE_REGULARIZATION * weight * sign / (1 + np.exp(np.minimum(margin, 50)))
        value = INVERSE_REGULARIZATION * np.sum(weight * np.logaddexp(0, -margin)) + 0.5 * moved @ moved
        return value, np.append(transposed @ slope + moved, slope.sum())

    options = {"maxiter": 150, "ftol": 1e-7, "gtol": 1e-4}
    fitted = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options=options).x
    return prior + fitted[:-1], float(fitted[-1])


def fit(table: Table, schema: dict, chosen: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of the table's rows and the intercept. Of a hostile script only its worst window is learned once one is known:
    what an attacker puts around it is not hostile."""
    windows = np.flatnonzero(chosen[table.owner])
    x, owner = table.x[windows], table.owner[windows]
    label = table.label[owner]
    keep = recurring(x, table.cluster[owner], schema["capabilityRowsFrom"])
    weight = script_weights(table)[owner]
    count = np.bincount(owner, minlength=len(table.label))[owner]
    weight[label == 0] /= np.sqrt(count[label == 0])
    coefficients, counted = np.zeros(schema["rows"]), np.ones(len(owner), dtype=bool)
    x = x[:, keep]
    for _ in range(ROUNDS):
        each = weight * counted
        for one in (0, 1):
            each[label == one] *= len(table.label) / 2 / each[label == one].sum()
        used = each > 0
        coefficients[keep], intercept = regress(x[used], 2 * label[used] - 1, each[used], prior_of(schema)[keep])
        scores = x @ coefficients[keep]
        counted = (label == 0) | (scores >= worst(owner, scores, len(table.label))[owner])
    return coefficients, intercept


def worst(owner: np.ndarray, scores: np.ndarray, scripts: int) -> np.ndarray:
    """The score of the worst window of each script."""
    result = np.full(scripts, -np.inf)
    np.maximum.at(result, owner, scores)
    return result


def held_out(table: Table, schema: dict, unit: np.ndarray) -> np.ndarray:
    """Log-odds of each script by a model that saw neither its `unit` (hostile) nor its style (benign), nor a near-copy."""
    units, scores = sorted(set(unit[table.label == 1])), np.full(len(table.label), np.nan)
    own = sorted(name for name in set(table.group) if name.startswith("own-"))
    for number, style in enumerate(STYLES):
        benign = [style, *own[number :: len(STYLES)]]
        judged = np.where(table.label == 1, np.isin(unit, units[number :: len(STYLES)]), np.isin(table.group, benign))
        seen = ~judged & ~np.isin(table.cluster, table.cluster[judged])
        coefficients, intercept = fit(table, schema, seen)
        windows = judged[table.owner]
        found = worst(table.owner[windows], table.x[windows] @ coefficients + intercept, len(table.label))
        scores[judged] = found[judged]
    return scores


def style_thresholds(table: Table, scores: np.ndarray) -> dict[str, float]:
    """What keeps each style at the budget. Our own scripts set none: they were written to look hostile."""
    benign = table.label == 0
    styles = {style: benign & (table.group == style) for style in STYLES}
    return {style: measure.threshold_at(scores[of], BUDGET) for style, of in styles.items() if of.sum() >= LEAST_SCRIPTS}


def judged(table: Table, scores: np.ndarray, threshold: float) -> dict:
    """At a threshold, and for each style at the one that the other styles would have set."""
    benign, collected = table.label == 0, table.source == "collected"
    by_style = style_thresholds(table, scores)
    styles = {}
    for style in by_style:
        mine = benign & (table.group == style)
        carried = max(value for name, value in by_style.items() if name != style)
        styles[style] = {
            "scripts": int(mine.sum()),
            "falsePositives": measure.rounded(measure.above(scores[mine], threshold)),
            "falsePositivesCarried": measure.rounded(measure.above(scores[mine], carried)),
        }
    families = {str(name): measure.rounded(measure.above(scores[table.group == name], threshold)) for name in sorted(set(table.group[~benign]))}
    found = scores[collected] > threshold
    clusters = [found[table.cluster[collected] == name].mean() for name in sorted(set(table.cluster[collected]))]
    values = {
        "found": np.mean(found),
        "foundDistinct": np.mean(clusters),
        "falsePositives": measure.above(scores[benign], threshold),
        "ownScripts": measure.above(scores[table.source == "own"], threshold),
        "worstStyle": max(style["falsePositives"] for style in styles.values()),
        "foundAtWorstStyle1Percent": measure.above(scores[collected], max(by_style.values())),
        "foundAtPooled1Percent": measure.above(scores[collected], measure.threshold_at(scores[benign], 0.01)),
        "auc": measure.auc(table.label[benign | collected], scores[benign | collected]),
    }
    return {**{name: measure.rounded(value) for name, value in values.items()}, "families": families, "styles": styles}


def graph(weights: np.ndarray, intercept: float, capabilities_from: int) -> onnx.ModelProto:
    """scores[w] = scales[w] * sum of the words' weights + CAPABILITY_VALUE * sum of the capabilities' + intercept. Row 0 of
    the table is padding; its first column holds words, its second capabilities."""
    table = np.zeros((len(weights), 2), dtype=np.float32)
    table[:capabilities_from, 0] = weights[:capabilities_from]
    table[capabilities_from:, 1] = CAPABILITY_VALUE * weights[capabilities_from:]
    nodes = [
        helper.make_node("Gather", ["table", "rows"], ["weights"], axis=0),
        helper.make_node("ReduceSum", ["weights", "tokens"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["sums", "scales"], ["scaled"]),
        helper.make_node("ReduceSum", ["scaled", "tokens"], ["both"], keepdims=0),
        helper.make_node("Add", ["both", "intercept"], ["scores"]),
    ]
    inputs = [
        helper.make_tensor_value_info("rows", TensorProto.INT32, ["windows", "tokens"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, ["windows", 2]),
    ]
    initializers = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([intercept], dtype=np.float32), "intercept"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "tokens"),
    ]
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["windows"])
    body = helper.make_graph(nodes, "script", inputs, [output], initializers)
    model = helper.make_model(body, producer_name="firebreak", opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    return model


def score(runtime: object, schema: dict, windows: list[dict]) -> float:
    """Of a script by the exported graph."""
    scores = []
    for window in windows:
        rows = np.array([window["rows"] + window["capabilities"] or [0]], dtype=np.int32)
        scales = np.array([[scale_of(len(window["rows"]), schema), 1]], dtype=np.float32)
        scores.append(float(runtime.run(["scores"], {"rows": rows, "scales": scales})[0][0]))
    return max(scores)


def train(data: Path) -> None:
    schema, table = load(data)
    print(f"script: {len(table.label)} scripts, {table.label.sum()} hostile, {len(table.owner)} windows", flush=True)
    by_family = held_out(table, schema, table.group)
    print("script: judged by models that saw neither family nor style", flush=True)
    by_maker = held_out(table, schema, table.maker)
    print("script: judged by models that saw nothing of the maker, nor the style", flush=True)

    real = np.isin(table.source, ["collected", "public", "own", "tldr"])
    weight = script_weights(table)
    # On other makers' scripts, because those are what is to come; scores on other families alone would be bolder.
    calibration = measure.platt(by_maker[real], table.label[real], weight[real])
    needed = max(value for scores in (by_family, by_maker) for value in style_thresholds(table, scores).values())
    threshold = float(np.ceil(measure.calibrated(np.array([needed]), calibration)[0] * 1e4) / 1e4)
    cut = (np.log(threshold / (1 - threshold)) - calibration["intercept"]) / calibration["slope"]
    coefficients, intercept = fit(table, schema, np.ones(len(table.label), dtype=bool))
    final = worst(table.owner, table.x @ coefficients + intercept, len(table.label))
    probability = measure.calibrated(by_maker, calibration)
    metrics = {
        "familyUnseen": judged(table, by_family, cut),
        "makerUnseen": judged(table, by_maker, cut),
        "calibrationError": measure.rounded(measure.calibration_error(probability[real], table.label[real], weight[real])),
        "benignTrainingScriptsFlagged": int(((final > cut) & (table.label == 0)).sum()),
    }
    for name in ("familyUnseen", "makerUnseen"):
        print(f"script: {name} {metrics[name]}", flush=True)

    model = graph(coefficients, intercept, schema["capabilityRowsFrom"])
    runtime = bundle.session(model.SerializeToString(deterministic=True))
    manifest = {
        "id": "script",
        "version": VERSION,
        "featureSchemaVersion": schema["featureSchemaVersion"],
        "tier": "fast",
        "accepts": ["script"],
        "baseRate": 0.5,
        "threshold": threshold,
        "evidence": ["content", "testimony"],
        "model": bundle.save_model("script", model),
        "calibration": {"content": calibration},
        "metrics": metrics,
    }
    bundle.save_manifest("script", manifest, data, FILES)
    expectations = []
    for case in features.golden("script"):
        value = measure.calibrated(score(runtime, schema, case["windows"]), calibration)
        expectations.append({"probability": measure.rounded(value, 8)})
    bundle.save_golden("script", expectations)
    bundle.save_figures("script", figures(metrics))


def figures(metrics: dict) -> list[tuple[str, ...]]:
    columns = [metrics["familyUnseen"], metrics["makerUnseen"]]
    names = {
        "found": "hostile scripts found, at the shipped threshold",
        "foundDistinct": "the same, near-copies counted as one",
        "falsePositives": "benign scripts flagged",
        "worstStyle": "benign scripts flagged, worst style",
        "ownScripts": "our own hostile-looking ordinary scripts flagged",
        "foundAtWorstStyle1Percent": "found at the threshold that keeps the worst style at 1 %",
        "foundAtPooled1Percent": "found at a pooled 1 %",
    }
    rows = [(text, *(bundle.percent(column[key]) for column in columns)) for key, text in names.items()]
    for family in columns[0]["families"]:
        rows.append((f"found of `{family}`", *(bundle.percent(column["families"][family]) for column in columns)))
    for style, values in columns[0]["styles"].items():
        own = (bundle.percent(column["styles"][style]["falsePositives"]) for column in columns)
        rows.append((f"flagged of style `{style}` ({values['scripts']} scripts)", *own))
    return [("held out, with the benign style", "family unseen", "all of the maker unseen"), *rows]
