"""What each way to combine does on rows that neither it nor the classifiers learned from."""

from collections.abc import Callable

import numpy as np

from . import bundle, measure
from .combiner_table import ALONE, ECOSYSTEM, MICRO, Table


def judged(table: Table, ways: dict[str, np.ndarray], chosen: np.ndarray, loss: Callable) -> dict[str, dict[str, float]]:
    """By way to combine: of benign rows, and of distinct ones, the share that is blocked; of units with a hostile row the
    share in which one is; and how good the probabilities are, where both classes are there."""
    rows = table.only(chosen)
    hostile, benign = rows.label == 1, rows.label == 0
    metrics = {}
    for way, sums in ways.items():
        totals = sums[chosen]
        blocked = totals >= ALONE
        values = {
            "benignRows": share(blocked[benign]),
            "benignDistinct": share(measure.per_group(rows.item[benign], blocked[benign])),
            "benignEverywhere": share(totals[benign] >= ECOSYSTEM),
        }
        if hostile.any():
            values["hostileRows"] = share(blocked[hostile])
            values["hostileUnits"] = share(measure.per_group(rows.unit[hostile], blocked[hostile]))
            values["logLoss"] = loss(rows, totals)
            # Without the prior, as both classes weigh the same there.
            values["calibrationError"] = measure.calibration_error(1 / (1 + np.exp(-totals / MICRO)), rows.label, rows.weight)
        metrics[way] = {name: measure.rounded(value, 5) for name, value in values.items()}
    return metrics


def share(blocked: np.ndarray) -> float:
    return float(np.mean(blocked))


WAYS = {
    "strongest": "the strongest alone",
    "plainSum": "plain sum",
    "byHand": "half by hand",
    "byHandRulesDecide": "half by hand, rules decide",
    "learned": "learned, rules decide",
}
TITLES = {
    "telemetry": "telemetry, captures left out",
    "firstLaboratoryUnseen": "first laboratory, nothing of it seen",
    "secondLaboratoryUnseen": "second laboratory, nothing of it seen",
    "documentation": "documented commands, pages left out",
    "ordinary": "our list that nothing learns",
    "scripts": "scripts, makers and styles left out",
}
NAMES = {
    "benignRows": "benign blocked, by row",
    "benignDistinct": "benign blocked, distinct",
    "benignEverywhere": "benign past the bound for every organization",
    "hostileUnits": "captures, pages or distinct scripts found",
    "logLoss": "log loss at the prior of 10 %",
    "calibrationError": "calibration error",
}


def figures(metrics: dict) -> list[tuple[str, ...]]:
    rows = [("left out", *WAYS.values())]
    for view, title in TITLES.items():
        for key, name in NAMES.items():
            if key not in metrics[view]["learned"]:
                continue
            values = [metrics[view][way][key] for way in WAYS]
            shown = (f"{value:.4f}" if key == "logLoss" else bundle.percent(value) for value in values)
            rows.append((f"{title}: {name}", *shown))
    return rows
