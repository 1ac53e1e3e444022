"""The rows that the behavior model is made of and judged by."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import features

FILES = [
    "behaviour_otrf/otrf_process_creation_dev.jsonl.gz",
    "behaviour_evtx_attack_samples/eas_events.jsonl.gz",
    "commands/atomic_red_team.jsonl.gz",
    "commands/adobe_liblol_known.jsonl.gz",
    "commands/lolbas_commands.jsonl.gz",
    "commands/benign_tldr_examples.jsonl.gz",
]
TELEMETRY = ["otrf", "eas", "own"]
VIEWS = ["content", "partial", "placed", "full"]
"""The text alone, and beside it the context as far as it is told: in part; image and parent with their folders; also the words of
the parent."""


@dataclass(frozen=True)
class Table:
    """Rows of the data, one column an array."""

    content: list[np.ndarray]
    """By how much of the context is told, all of it first; the rows of the weight table for each process, and which view
    reads them."""
    contexts: dict[str, list[np.ndarray]]
    views: dict[str, np.ndarray]
    source: np.ndarray
    capture: np.ndarray
    line: np.ndarray
    label: np.ndarray
    setting: np.ndarray
    excepted: np.ndarray
    windows: np.ndarray
    by_rules: np.ndarray


def indices(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def load(data: Path) -> tuple[dict, Table]:
    schema, rows = features.dataset("behavior", data)
    rows = [row for row in rows if row["label"] in ("benign", "malicious") or (row["source"], row["label"]) == ("eas", "noise")]
    tellings = list(enumerate(schema["tellings"]))

    def column(name: str, default: str = "") -> np.ndarray:
        return np.array([row.get(name, default) for row in rows])

    return schema, Table(
        content=[indices(row["content"]) for row in rows],
        contexts={telling: [indices(row["contexts"][at][0]) for row in rows] for at, telling in tellings},
        views={telling: np.array([row["contexts"][at][1] for row in rows]) for at, telling in tellings},
        source=column("source"),
        capture=column("capture"),
        line=column("line"),
        label=(column("label") == "malicious").astype(int),
        setting=column("setting"),
        excepted=column("excepted") != "",
        windows=column("basis") == "windows",
        by_rules=np.array([row["byRules"] for row in rows]),
    )
