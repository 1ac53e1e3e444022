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
"""What each view reads beside the text: a report may tell the whole lineage or only the parent."""
VIEWS = {"content": [None], "full": ["context", "parentContext"]}


@dataclass(frozen=True)
class Table:
    """Rows of the data, one column an array."""

    rows: list[dict]
    source: np.ndarray
    capture: np.ndarray
    line: np.ndarray
    label: np.ndarray
    setting: np.ndarray
    excepted: np.ndarray
    windows: np.ndarray
    by_rules: np.ndarray


def load(data: Path) -> tuple[dict, Table]:
    schema, rows = features.dataset("behavior", data)
    rows = [row for row in rows if row["label"] in ("benign", "malicious") or (row["source"], row["label"]) == ("eas", "noise")]

    def column(name: str, default: str = "") -> np.ndarray:
        return np.array([row.get(name, default) for row in rows])

    return schema, Table(
        rows=rows,
        source=column("source"),
        capture=column("capture"),
        line=column("line"),
        label=(column("label") == "malicious").astype(int),
        setting=column("setting"),
        excepted=column("excepted") != "",
        windows=column("basis") == "windows",
        by_rules=np.array([row["byRules"] for row in rows]),
    )
