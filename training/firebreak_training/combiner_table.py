"""What the classifiers say of the same rows, each row by models that did not learn from it, in the engine's fixed point."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import behavior, behavior_table, bundle, measure, script

MICRO = 1_000_000
PROBABILITY_EDGE = 1e-6
"""The numbers of engine/decide/config.ts that weigh a witness; golden.jsonl holds the two against each other."""
PRIOR_PROBABILITY, BLOCK_PROBABILITY, ECOSYSTEM_PROBABILITY = 0.1, 0.9, 0.98
LARGEST, LEAST, CAPPED = 8 * MICRO, -1 * MICRO, 1 * MICRO


@dataclass(frozen=True)
class Table:
    """Rows of which two classifiers spoke, one column an array. `unit` is what is left out as a whole: a capture, a page of
    documentation, the near-copies of a script. `words` are weights in micro-nats by classifier, 0 where it had nothing to say."""

    source: np.ndarray
    unit: np.ndarray
    item: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    words: dict[str, np.ndarray]

    def only(self, chosen: np.ndarray) -> "Table":
        words = {classifier: word[chosen] for classifier, word in self.words.items()}
        return Table(self.source[chosen], self.unit[chosen], self.item[chosen], self.label[chosen], self.weight[chosen], words)


def log_odds(probability: np.ndarray) -> np.ndarray:
    clamped = np.clip(np.asarray(probability, dtype=np.float64), PROBABILITY_EDGE, 1 - PROBABILITY_EDGE)
    return np.floor(np.log(clamped / (1 - clamped)) * MICRO + 0.5)


PRIOR = int(log_odds(PRIOR_PROBABILITY))
ALONE = int(log_odds(BLOCK_PROBABILITY)) - PRIOR
ECOSYSTEM = int(log_odds(ECOSYSTEM_PROBABILITY)) - PRIOR


def micronats(probability: np.ndarray, base_rate: float, threshold: float, ceiling: int = LARGEST) -> np.ndarray:
    """As `witnessMicronats` of the engine."""
    base = log_odds(base_rate)
    said = (log_odds(probability) - base) / (log_odds(threshold) - base)
    return np.clip(np.floor(said * ALONE + 0.5), LEAST, ceiling).astype(np.int64)


def manifest_of(classifier: str) -> dict:
    return json.loads((bundle.folder(classifier) / "manifest.json").read_text())


def words_of(classifier: str, probability: np.ndarray) -> np.ndarray:
    """By its manifest as shipped."""
    manifest = manifest_of(classifier)
    return micronats(probability, manifest["baseRate"], manifest["threshold"])


def commands(data: Path) -> tuple[Table, np.ndarray]:
    """Command lines, by behavior and rules; and what behavior says of the first laboratory when it has seen nothing of it."""
    schema, table = behavior_table.load(data)
    calibration = manifest_of("behavior")["calibration"]
    held, unseen, weights = {}, {}, {}
    for view in behavior_table.VIEWS:
        forms = behavior.forms_of(table, schema["rows"], view)
        weights[view] = behavior.row_weights(table, view)
        whole, *_ = behavior.held_out(forms, table, weights[view]).values()
        held[view] = measure.calibrated(whole, calibration[view])
        unseen[view] = measure.calibrated(behavior.first_laboratory_left_out(forms, table, weights[view]), calibration[view])
    used = (table.setting == "") | (table.setting == "cmd")

    def words(scores: dict[str, np.ndarray]) -> np.ndarray:
        whole = np.fmax.reduce(list(scores.values()))
        return np.where(table.excepted | np.isnan(whole), 0, words_of("behavior", np.nan_to_num(whole, nan=0.5)))

    by_behavior, by_rules = words(held), words_of("rules", table.by_rules)
    return Table(
        source=table.source[used],
        unit=table.capture[used],
        item=table.line[used],
        label=table.label[used],
        weight=weights["full"][used],
        words={"behavior": by_behavior[used], "rules": by_rules[used]},
    ), words(unseen)[used]


def scripts(data: Path) -> Table:
    """PowerShell, by script and rules: each by a model that saw nothing of its maker, nor its style."""
    schema, table = script.load(data)
    held = script.held_out(table, schema, table.maker)
    return Table(
        source=table.source,
        unit=table.cluster,
        item=table.cluster,
        label=table.label,
        weight=script.script_weights(table),
        words={
            "script": words_of("script", measure.calibrated(held, manifest_of("script")["calibration"]["content"])),
            "rules": words_of("rules", table.by_rules),
        },
    )
