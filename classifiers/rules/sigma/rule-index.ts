import { LiteralAutomaton } from './aho-corasick.ts';
import { coverOf } from './cover.ts';
import type { SigmaEvent } from './event.ts';
import { LiteralTable } from './literal-table.ts';
import type { Predicate } from './predicate.ts';
import { Row, textsOf, type Texts } from './row.ts';
import type { SigmaRule } from './rule.ts';
import type { WakeList } from './wake-list.ts';

interface Slot {
  readonly number: number;
  /** Rules for which it is enough that the field is there. */
  readonly present: readonly number[];
  /** They look for the literals of this field and for keywords. */
  readonly automata: readonly LiteralAutomaton[];
}

/** The literal prefilter of a set of rules: one automaton for each field, whose literals wake rules. */
export class RuleIndex {
  /** Rules without a cover: they are candidates for every event of their log source. */
  readonly always: readonly number[];
  readonly #slots: ReadonlyMap<string, Slot>;
  /** What rules look for in any field. */
  readonly #anyField: readonly LiteralAutomaton[];

  private constructor(
    always: readonly number[],
    slots: ReadonlyMap<string, Slot>,
    anyField: readonly LiteralAutomaton[],
  ) {
    this.always = always;
    this.#slots = slots;
    this.#anyField = anyField;
  }

  /** Builds the index in steps of a few milliseconds at most. */
  static *build(rules: readonly SigmaRule[]): Generator<undefined, RuleIndex, undefined> {
    const table = new LiteralTable();
    const fields = new Set<string>();
    for (const [index, { predicate }] of rules.entries()) {
      table.add(predicate);
      addFields(predicate, fields);
      if (index % rulesPerStep === 0) yield;
    }
    const always: number[] = [];
    const wakes = new Map<string | undefined, Map<string, number[]>>();
    for (const [index, { predicate }] of rules.entries()) {
      const cover = coverOf(predicate, table);
      if (cover === undefined) always.push(index);
      for (const number of cover ?? []) {
        const literal = table.literals[number];
        if (literal !== undefined) wakesOf(wakes, literal.field, literal.text).push(index);
      }
      if (index % rulesPerStep === 0) yield;
    }
    const keywords: Wakes = wakes.get(undefined) ?? new Map<string, readonly number[]>();
    const anyField = yield* automataOf(keywords);
    const slots = new Map<string, Slot>();
    for (const field of fields) {
      const own = wakes.get(field) ?? new Map<string, readonly number[]>();
      const present = own.get('') ?? [];
      own.delete('');
      const isLarge = own.size >= enoughToJoin;
      const automata = yield* automataOf(isLarge ? joined(own, keywords) : own);
      slots.set(field, {
        number: slots.size,
        present,
        automata: isLarge ? automata : [...automata, ...anyField],
      });
    }
    return new RuleIndex(always, slots, anyField);
  }

  slotOf(field: string): number {
    return this.#slots.get(field)?.number ?? -1;
  }

  newRow(): Row {
    return new Row(this.#slots.size);
  }

  /** Lays the event out in the row and wakes every rule that could match it, but for those of `always`. */
  read(fields: SigmaEvent['fields'], row: Row, wake: WakeList): void {
    row.begin(fields);
    for (const name in fields) {
      const texts = textsOf(fields[name]);
      if (texts === undefined) continue;
      const slot = this.#slots.get(name);
      if (slot === undefined) scan(this.#anyField, texts, wake);
      else {
        row.fill(slot.number, texts);
        for (const rule of slot.present) wake.add(rule);
        scan(slot.automata, texts, wake);
      }
    }
  }
}

const rulesPerStep = 5;
/** A field with so many literals of its own takes in the keywords too and is read once; one with fewer is read twice. */
const enoughToJoin = 32;

function scan(automata: readonly LiteralAutomaton[], texts: Exclude<Texts, undefined>, wake: WakeList): void {
  for (const automaton of automata) {
    if (typeof texts === 'string') automaton.collect(texts, wake);
    else for (const text of texts) automaton.collect(text, wake);
  }
}

function addFields(predicate: Predicate, into: Set<string>): void {
  if (predicate.kind === 'not') addFields(predicate.of, into);
  else if (predicate.kind !== 'test') for (const part of predicate.of) addFields(part, into);
  else {
    if (predicate.field !== undefined) into.add(predicate.field);
    if (predicate.test.kind === 'reference') into.add(predicate.test.field);
  }
}

function wakesOf(
  wakes: Map<string | undefined, Map<string, number[]>>,
  field: string | undefined,
  text: string,
): number[] {
  const ofField = wakes.get(field) ?? new Map<string, number[]>();
  wakes.set(field, ofField);
  const woken = ofField.get(text) ?? [];
  ofField.set(text, woken);
  return woken;
}

type Wakes = ReadonlyMap<string, readonly number[]>;

function joined(own: Wakes, keywords: Wakes): Wakes {
  const both = new Map(own);
  for (const [text, rules] of keywords) both.set(text, [...(both.get(text) ?? []), ...rules]);
  return both;
}

function* automataOf(wakes: Wakes): Generator<undefined, readonly LiteralAutomaton[], undefined> {
  return wakes.size === 0 ? [] : [yield* LiteralAutomaton.build(wakes)];
}
