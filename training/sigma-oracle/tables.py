"""Rules and events of the data folder, and a SQLite database that holds the events for pySigma's queries."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

# What the tables say about an event beside the event itself.
LABELS = frozenset(
    "src capture title technique tactic ts host label label_basis label_strength count category "
    "rule_ids rule_titles expected path captured provider".split()
)

# Log sources by event id, written down here again: the oracle shares nothing with what it judges.
SYSMON = {
    1: ["process_creation"], 2: ["file_change"], 3: ["network_connection"], 4: ["sysmon_status"],
    5: ["process_termination"], 6: ["driver_load"], 7: ["image_load"], 8: ["create_remote_thread"],
    9: ["raw_access_thread"], 10: ["process_access"], 11: ["file_event"],
    13: ["registry_set", "registry_event"], 14: ["registry_rename", "registry_event"],
    15: ["create_stream_hash"], 16: ["sysmon_status"], 17: ["pipe_created"], 18: ["pipe_created"],
    19: ["wmi_event"], 20: ["wmi_event"], 21: ["wmi_event"], 22: ["dns_query"], 23: ["file_delete"],
    25: ["process_tampering"], 26: ["file_delete", "file_delete_detected"],
}  # fmt: skip


def read_lines(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def fields_of(row: dict) -> dict:
    """The event itself; the name of its provider stands where rules look for it."""
    event = {name: value for name, value in row.items() if name not in LABELS and value is not None}
    return {**event, "Provider_Name": row["provider"]} if "provider" in row else event


def source_of(row: dict) -> tuple[str, list[str]]:
    """Service and categories of a Windows event."""
    event_id = row["EventID"]
    if row.get("provider", "").endswith("Security-Auditing"):
        return "security", ["process_creation"] if event_id == 4688 else []
    if row.get("provider") == "Microsoft-Windows-TaskScheduler":
        return "taskscheduler", []
    if event_id == 12:
        kind = row.get("EventType", "")
        own = {"C": ["registry_add"], "A": ["registry_add"], "D": ["registry_delete"]}.get(kind[:1], [])
        return "sysmon", ["registry_event", *own]
    return "sysmon", SYSMON.get(event_id, [])


def fits(logsource: dict, service: str, categories: list[str]) -> bool:
    return (
        logsource.get("product", "windows") == "windows"
        and logsource.get("service", service) == service
        and (logsource.get("category") is None or logsource["category"] in categories)
    )


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class EventDatabase:
    """Events as rows of text columns, one table for each set of rows that rules are asked about."""

    def __init__(self, fields: Iterable[str]):
        self.connection = sqlite3.connect(":memory:")
        self.connection.create_function("REGEXP", 2, self._search, deterministic=True)
        # Names of columns ignore case, those of Sigma do not: the first spelling gets the column.
        self.columns = list({name.lower(): name for name in sorted(fields)}.values())
        self._patterns: dict[str, re.Pattern] = {}

    def _search(self, pattern: str, value) -> bool:
        if value is None:
            return False
        compiled = self._patterns.get(pattern)
        if compiled is None:
            compiled = self._patterns[pattern] = re.compile(pattern)
        return compiled.search(str(value)) is not None

    def add_table(self, name: str, rows: list[tuple[int, dict]]) -> None:
        """`rows` are events with the numbers by which answers name them."""
        columns = ", ".join(f"{quote(column)} TEXT COLLATE NOCASE" for column in self.columns)
        self.connection.execute(f"CREATE TABLE {name} (event INTEGER, fulltext TEXT, {columns})")
        marks = ", ".join("?" for _ in range(len(self.columns) + 2))
        self.connection.executemany(
            f"INSERT INTO {name} VALUES ({marks})",
            (
                (number, "\n".join(map(text_of, event.values())), *(column_value(event, c) for c in self.columns))
                for number, event in rows
            ),
        )

    def events(self, query: str) -> set[int]:
        """The events that a query of the backend selects."""
        return {row[0] for row in self.connection.execute(query.replace("SELECT *", "SELECT event", 1))}


def text_of(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def column_value(event: dict, column: str) -> str | None:
    return None if column not in event else text_of(event[column])
