"""What the behavior model does on rows that it never saw, alone and beside the rules."""

import numpy as np

from . import bundle, measure
from .behavior_table import TELEMETRY, VIEWS, Table


def judged(table: Table, blocked: np.ndarray, setting: str) -> dict[str, float]:
    """What results on rows that the scoring model never saw; excepted lineages are not scored."""
    telemetry = np.isin(table.source, TELEMETRY) & ~table.excepted
    benign, hostile = telemetry & (table.label == 0), telemetry & (table.label == 1)
    documented = (table.source == "tldr") & (table.setting == setting)
    own = table.source == "own"
    unseen = (table.source == "unseen") & (table.setting == setting)
    first, second = table.source == "otrf", table.source == "eas"
    values = {
        "benignRows": share(blocked[benign]),
        "benignDistinctLines": share_of(table.line[benign], blocked[benign]),
        "ownBenignLines": share(blocked[own]),
        "unseenOrdinaryLines": share(blocked[unseen]),
        "documentedWindows": share(blocked[documented & table.windows]),
        "documentedAll": share(blocked[documented]),
        "hostileRowsFirstLaboratory": share(blocked[hostile & first]),
        "capturesFirstLaboratory": share_of(table.capture[hostile & first], blocked[hostile & first]),
        "capturesUnseenLaboratory": share_of(table.capture[hostile & second], blocked[hostile & second]),
    }
    return {name: measure.rounded(value) for name, value in values.items()}


def judged_unseen(table: Table, blocked: np.ndarray) -> dict[str, float]:
    """What results on the first laboratory by a model that saw nothing of it."""
    rows = (table.source == "otrf") & ~table.excepted
    benign, hostile = rows & (table.label == 0), rows & (table.label == 1)
    values = {
        "benignRowsFirstLaboratoryUnseen": share(blocked[benign]),
        "benignDistinctLinesFirstLaboratoryUnseen": share_of(table.line[benign], blocked[benign]),
        "capturesFirstLaboratoryUnseen": share_of(table.capture[hostile], blocked[hostile]),
    }
    return {name: measure.rounded(value) for name, value in values.items()}


def share(blocked: np.ndarray) -> float:
    return float(np.mean(blocked)) if len(blocked) else float("nan")


def share_of(groups: np.ndarray, blocked: np.ndarray) -> float:
    """Share of groups with a row that is blocked."""
    return share(measure.per_group(groups, blocked))


def left_out(table: Table, held: dict, unseen: dict, calibration: dict, threshold: float) -> dict[str, dict[str, float]]:
    """Figures by view, each on rows that the scoring model never saw; rules alone or beside it as they are shipped."""

    def blocks(scores: dict[str, np.ndarray]) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.any([measure.calibrated(each, calibration[view]) >= threshold for view, each in scores.items()], axis=0)

    by_rules = table.by_rules >= bundle.threshold_of("rules")
    text = {"content": held["content"]["text"]}
    told = text | {view: held[view]["whole"] for view in VIEWS[1:]}
    metrics = {
        "text": judged(table, blocks(text), "bare") | judged_unseen(table, blocks({"content": unseen["content"]})),
        "image": judged(table, blocks(text | {"partial": held["partial"]["image"]}), "cmd"),
        "parentName": judged(table, blocks(text | {"partial": held["partial"]["parentName"]}), "cmd"),
        "full": judged(table, blocks(told), "cmd") | judged_unseen(table, blocks(unseen)),
        "fullOrRules": judged(table, blocks(told) | by_rules, "cmd") | judged_unseen(table, blocks(unseen) | by_rules),
    }
    for view, values in metrics.items():
        print(f"behavior: {view} {values}", flush=True)
    goals = metrics["fullOrRules"]
    bundle.print_goals(
        "behavior or rules, first laboratory by captures not seen, second laboratory not seen",
        [
            ("captures found, first laboratory", goals["capturesFirstLaboratory"], ">=", 0.9),
            ("captures found, second laboratory", goals["capturesUnseenLaboratory"], ">=", 0.9),
            ("benign rows blocked", goals["benignRows"], "<=", 0.01),
            ("benign distinct lines blocked", goals["benignDistinctLines"], "<=", 0.015),
            ("benign distinct lines blocked, first laboratory not seen", goals["benignDistinctLinesFirstLaboratoryUnseen"], "<=", 0.015),
        ],
    )
    return metrics


def figures(metrics: dict[str, dict[str, float]]) -> list[tuple[str, ...]]:
    names = {
        "benignRows": "benign telemetry flagged, by row",
        "benignDistinctLines": "benign telemetry flagged, by distinct line",
        "ownBenignLines": "our own list of ordinary commands flagged (lines never seen)",
        "unseenOrdinaryLines": "our list that no model learns flagged",
        "documentedWindows": "documented Windows commands flagged (pages never seen)",
        "documentedAll": "documented commands of all platforms flagged",
        "hostileRowsFirstLaboratory": "hostile rows found, first laboratory, captures never seen",
        "capturesFirstLaboratory": "captures found, first laboratory, captures never seen",
        "capturesUnseenLaboratory": "captures found, second laboratory, nothing of it seen",
        "benignRowsFirstLaboratoryUnseen": "benign rows flagged, first laboratory, nothing of it seen",
        "benignDistinctLinesFirstLaboratoryUnseen": "benign distinct lines flagged, first laboratory, nothing of it seen",
        "capturesFirstLaboratoryUnseen": "captures found, first laboratory, nothing of it seen",
    }
    head = ("held out, at the shipped threshold", "text alone", "with the image", "with the parent's name", "with all context", "with all context, or rules")
    return [head, *((text, *(bundle.percent(values.get(key, np.nan)) for values in metrics.values())) for key, text in names.items())]
