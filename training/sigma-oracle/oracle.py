"""Holds the engine of classifiers/rules/sigma against pySigma with its SQLite backend, over the same rules and events.

Two comparisons: every rule on the events of its log source, and every rule on a sample of events of all kinds, whatever
the log source. Prints a report as JSON and ends with 1 where the two disagree, or where a rule with a positive event
does not fire on it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from sigma.backends.sqlite import sqliteBackend
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation
from sigma.rule import SigmaRule

from tables import EventDatabase, fields_of, fits, read_lines, source_of

RULE_TABLES = ("windows", "unix_process", "dns_proxy_firewall")
EVENT_TABLES = (
    "sigma/sigma_regression_events_dev",
    "behaviour_otrf/otrf_process_creation_dev",
    "behaviour_otrf/otrf_network_dns_thread_wmi_dev",
    "behaviour_otrf/otrf_image_file_registry_sample_dev",
)
SAMPLE_STEP = 60
PIPELINES = ("--pipeline", "sysmon", "security", "windows")

# Names of the security log by which rules ask for what the tables hold under Sigma's names.
SECURITY_NAMES = {"NewProcessName": "Image", "ProcessCommandLine": "CommandLine", "ParentProcessName": "ParentImage"}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def engine_answers(rules: list[Path], events: Path, *flags: str) -> dict[str, set[int]]:
    """Events by rule id, as the engine's command line tells them."""
    command = ["node", "--import", "tsx", "scripts/sigma.ts", "test", *map(str, rules), "--events", str(events), *flags]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    fired: dict[str, set[int]] = defaultdict(set)
    for line in output.splitlines():
        answer = json.loads(line)
        for rule in answer.get("rules", ()):
            fired[rule].add(answer["event"])
    return fired


def engine_rejections(rules: list[Path]) -> list[str]:
    command = ["node", "--import", "tsx", "scripts/sigma.ts", "check", *map(str, rules)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.splitlines()


class Oracle:
    def __init__(self, documents: list[dict]):
        mapping = ProcessingPipeline([ProcessingItem(FieldMappingTransformation(SECURITY_NAMES))])
        self.backend = sqliteBackend(mapping, fulltext_field="fulltext")
        self.rules: dict[str, SigmaRule] = {}
        self.unsupported: dict[str, str] = {}
        for document in documents:
            try:
                rule = SigmaRule.from_dict(document)
                self.backend.convert_rule(rule)
                self.rules[document["id"]] = rule
            except SigmaError as error:
                self.unsupported[document["id"]] = str(error)

    def fields(self) -> set[str]:
        return {field for rule in self.rules.values() for field in self.backend.required_fields(rule)}

    def answers(self, database: EventDatabase, rule_id: str, table: str) -> set[int]:
        self.backend.table = table
        return set().union(*(database.events(query) for query in self.backend.convert_rule(self.rules[rule_id])))


def compare(oracle: set[int], engine: set[int], rule_id: str, into: list[dict]) -> None:
    if oracle != engine:
        into.append(
            {"rule": rule_id, "oracle_alone": sorted(oracle - engine)[:5], "engine_alone": sorted(engine - oracle)[:5]}
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data")
    parser.add_argument("--out", type=Path, help="file for the report; else standard output")
    arguments = parser.parse_args()
    data: Path = arguments.data
    rule_files = [data / "sigma" / f"sigma_rules_{name}.jsonl.gz" for name in RULE_TABLES]
    documents = [row["rule"] for path in rule_files for row in read_lines(path)]
    rows = [row for name in EVENT_TABLES for row in read_lines(data / f"{name}.jsonl.gz")]
    events = list(enumerate(map(fields_of, rows)))
    sources = [source_of(row) for row in rows]
    positive = [(number, row["rule_ids"]) for number, row in enumerate(rows) if "rule_ids" in row]
    say(f"{len(documents)} rules, {len(rows)} events, {len(positive)} of them positive")

    oracle = Oracle(documents)
    logsources = {document["id"]: document["logsource"] for document in documents}
    named = oracle.fields() | {name for _, event in events for name in event}
    database = EventDatabase(named - {"fulltext"})
    disagreements: list[dict] = []
    hits = comparisons = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for _, event in events))
        say("the engine answers by log source")
        engine = engine_answers(rule_files, path, *PIPELINES)
        tables: dict[str, str] = {}
        started = time.monotonic()
        for done, rule_id in enumerate(oracle.rules):
            logsource = logsources[rule_id]
            key = key_of(logsource)
            if key not in tables:
                tables[key] = f"source{len(tables)}"
                database.add_table(tables[key], [e for e, source in zip(events, sources) if fits(logsource, *source)])
            answers = oracle.answers(database, rule_id, tables[key])
            hits += len(answers)
            compare(answers, engine.get(rule_id, set()), rule_id, disagreements)
            if done % 500 == 499:
                say(f"{done + 1} rules compared after {time.monotonic() - started:.0f} s")
        comparisons += sum(
            database.connection.execute(f"SELECT COUNT(*) FROM {tables[key_of(logsources[rule_id])]}").fetchone()[0]
            for rule_id in oracle.rules
        )

        sample = [number for number, _ in positive] + list(range(len(positive), len(rows), SAMPLE_STEP))
        say(f"the engine answers on {len(sample)} events whatever the log source")
        path.write_text("".join(json.dumps(events[n][1]) + "\n" for n in sample))
        anywhere = engine_answers(rule_files, path, "--any-source", *PIPELINES)
        database.add_table("sample", [(place, events[n][1]) for place, n in enumerate(sample)])
        sample_hits = 0
        for rule_id in oracle.rules:
            answers = oracle.answers(database, rule_id, "sample")
            sample_hits += len(answers)
            compare(answers, anywhere.get(rule_id, set()), rule_id, disagreements)
        comparisons += len(sample) * len(oracle.rules)

    # Some captures hold several events of which one is meant.
    meant: dict[str, set[int]] = defaultdict(set)
    for number, rule_ids in positive:
        for rule_id in rule_ids:
            meant[rule_id].add(number)
    judged = {rule_id: numbers for rule_id, numbers in meant.items() if rule_id in logsources}
    silent = [rule_id for rule_id, numbers in judged.items() if not numbers & engine.get(rule_id, set())]
    report = {
        "rules": len(documents),
        "events": len(rows),
        "comparisons": comparisons,
        "hits_by_log_source": hits,
        "hits_on_sample": sample_hits,
        "disagreements": disagreements,
        "positive_events": len(positive),
        "rules_with_positive_events": len(judged),
        "positive_but_silent": silent,
        "rejected_by_engine": engine_rejections(rule_files),
        "not_judged_by_oracle": oracle.unsupported,
    }
    text = json.dumps(report, indent=2)
    if arguments.out is None:
        print(text)
    else:
        arguments.out.write_text(text + "\n")
    say(f"{comparisons} comparisons, {hits} and {sample_hits} hits, {len(disagreements)} disagreements")
    return 1 if disagreements or silent else 0


def key_of(logsource: dict) -> str:
    return "/".join(str(logsource.get(part)) for part in ("product", "category", "service"))


if __name__ == "__main__":
    sys.exit(main())
