"""How the words of classifiers add up: what each counts beside one that leads, as a table of shares in permille.

One witness leads and counts whole, every other by its share; whoever makes the sum the largest leads. Shares lie in
[0, 1000], so that the sum is monotone whatever the table says. They are learned on rows of which two classifiers spoke,
each by models that did not learn from the row, by the loss of the decision's probability at the engine's own prior. A share
of which the data says little stays near where it was set by hand. Judged where it never learned: captures, laboratories and
makers left out.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import bundle
from .behavior import fold_of
from .behavior_table import FILES as COMMAND_FILES
from .behavior_table import TELEMETRY
from .combiner_figures import figures, judged
from .combiner_table import ALONE, ECOSYSTEM, LARGEST, CAPPED, MICRO, PRIOR, PRIOR_PROBABILITY, Table, commands, manifest_of, micronats, scripts
from .script import FILES as SCRIPT_FILES

VERSION = "1.0.0"
LEARNED = ["behavior", "rules", "script"]
"""High-level rules decide: what others say for innocence takes away no more than what lies above a block."""
DECIDING = ["rules"]
SIDES = ["malicePermille", "innocencePermille"]
"""Where every share starts, as it was before anything was learned, and the spread of what is believed of it."""
BY_HAND = 500
SPREAD = 250
STEP = 50
DOCUMENTATION = ["atomic", "liblol", "lolbas", "tldr"]

Shares = dict[str, dict[str, int]]


HAND = dict.fromkeys(SIDES, BY_HAND)


def counted(word: np.ndarray, permille: int) -> np.ndarray:
    """Integers, rounded towards zero as the engine does; of what is not negative."""
    return np.maximum(word, 0) * permille // 1000


def combined(words: dict[str, np.ndarray], shares: Shares, deciding: list[str]) -> np.ndarray:
    """As `witnessTerms` of the engine, in micro-nats without the prior."""
    sums = []
    for lead, word in words.items():
        others = [(other, shares.get(name, HAND)) for name, other in words.items() if name != lead]
        malice = sum(counted(other, share["malicePermille"]) for other, share in others)
        innocence = sum(counted(-other, share["innocencePermille"]) for other, share in others)
        decides = (word >= ALONE) & (lead in deciding)
        sums.append(word + malice - np.where(decides, np.minimum(innocence, word - ALONE), innocence))
    return np.max(sums, axis=0)


def loss(table: Table, totals: np.ndarray) -> float:
    """Of the decision's probability; the classes weigh as the prior says."""
    label = table.label
    share = np.where(label == 1, PRIOR_PROBABILITY, 1 - PRIOR_PROBABILITY)
    each = share * table.weight / np.where(label == 1, table.weight[label == 1].sum(), table.weight[label == 0].sum())
    margin = (totals + PRIOR) / MICRO
    return float(np.sum(each * (np.logaddexp(0, margin) - label * margin)))


def telling(table: Table) -> int:
    """Units that tell something: of one of their rows every classifier said something."""
    return len(set(table.unit[np.all([word != 0 for word in table.words.values()], axis=0)]))


def wrong(table: Table, totals: np.ndarray) -> np.ndarray:
    """Benign rows that a sum blocks, and those that it would block everywhere."""
    benign = totals[table.label == 0]
    return np.array([(benign >= ALONE).sum(), (benign >= ECOSYSTEM).sum()])


def learn(tables: list[Table]) -> Shares:
    """The shares of least loss that block nothing harmless beyond what the shares set by hand block. Goes over a grid, one
    share after the other, until none moves: the same data gives the same table."""
    tables = [table.only(table.weight > 0) for table in tables]
    told = [telling(table) for table in tables]
    allowed = [wrong(table, combined(table.words, {}, DECIDING)) for table in tables]

    def cost(shares: Shares) -> float:
        total = sum((value - BY_HAND) ** 2 for share in shares.values() for value in share.values()) / (2 * SPREAD**2)
        for table, units, most in zip(tables, told, allowed, strict=True):
            totals = combined(table.words, shares, DECIDING)
            if (wrong(table, totals) > most).any():
                return float("inf")
            total += units * loss(table, totals)
        return float(total)

    shares = {classifier: HAND for classifier in LEARNED}
    least, moved = cost(shares), True
    while moved:
        moved = False
        for classifier in LEARNED:
            for side in SIDES:
                for value in range(0, 1001, STEP):
                    tried = shares | {classifier: shares[classifier] | {side: value}}
                    if (found := cost(tried)) < least:
                        shares, least, moved = tried, found, True
    return shares


def left_out(table: Table, others: list[Table], folds: np.ndarray, judge: Table | None = None) -> np.ndarray:
    """Sums of each row, of another table of the same rows where one is given, by shares that were learned without its fold."""
    words, totals = (judge or table).words, np.zeros(len(table.label), dtype=np.int64)
    for fold in np.unique(folds):
        sums = combined(words, learn([table.only(folds != fold), *others]), DECIDING)
        totals[folds == fold] = sums[folds == fold]
    return totals


def ways(table: Table, learned: np.ndarray) -> dict[str, np.ndarray]:
    """Sums of each row by each way to combine."""
    words = list(table.words.values())
    return {
        "strongest": np.max(words, axis=0),
        "plainSum": np.sum(words, axis=0),
        "byHand": combined(table.words, {}, []),
        "byHandRulesDecide": combined(table.words, {}, DECIDING),
        "learned": learned,
    }


def expectation(witnesses: list[dict], shares: Shares) -> dict[str, int]:
    """Of a golden case, in micro-nats."""
    words = {}
    for one in witnesses:
        ceiling = CAPPED if one["capped"] else LARGEST
        words[one["classifier"]] = np.array([micronats(one["probability"], one["baseRate"], one["threshold"], ceiling)])
    return {"sumMicronats": int(combined(words, shares, DECIDING)[0])}


def train(data: Path) -> None:
    lines, unseen = commands(data)
    print(f"combiner: {len(lines.label)} command lines, each by models that did not learn from it", flush=True)
    texts = scripts(data)
    print(f"combiner: {len(texts.label)} scripts, each by models that did not learn from it", flush=True)
    shares = learn([lines, texts])
    table = {"deciding": DECIDING, "shares": [{"classifier": name, **shares[name]} for name in LEARNED]}
    digest = hashlib.sha256(json.dumps(table, separators=(",", ":")).encode()).hexdigest()
    print(f"combiner: {json.dumps(table)}, sha256 {digest}", flush=True)

    first, second = lines.source == "otrf", lines.source == "eas"
    apart = replace(lines, words=lines.words | {"behavior": unseen})
    by_capture = ways(lines, left_out(lines, [texts], fold_of(lines.unit)))
    by_maker = ways(texts, left_out(texts, [lines], fold_of(texts.unit)))
    metrics = {
        "tellingUnits": {"commands": telling(lines), "scripts": telling(texts)},
        "telemetry": judged(lines, by_capture, np.isin(lines.source, TELEMETRY), loss),
        "documentation": judged(lines, by_capture, np.isin(lines.source, DOCUMENTATION), loss),
        "ordinary": judged(lines, by_capture, lines.source == "unseen", loss),
        "firstLaboratoryUnseen": judged(apart, ways(apart, left_out(lines, [texts], first, apart)), first, loss),
        "secondLaboratoryUnseen": judged(lines, ways(lines, left_out(lines, [texts], second)), second, loss),
        "scripts": judged(texts, by_maker, texts.weight > 0, loss),
    }
    manifest = {
        "id": "combiner",
        "version": VERSION,
        "sha256": digest,
        **table,
        "classifiers": {name: manifest_of(name)["version"] for name in LEARNED},
        "metrics": metrics,
    }
    bundle.save_manifest("combiner", manifest, data, list(dict.fromkeys(COMMAND_FILES + SCRIPT_FILES)))
    bundle.save_golden("combiner", [expectation(case["witnesses"], shares) for case in bundle.golden_cases("combiner")])
    bundle.save_figures("combiner", figures(metrics))
