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
  /** Literals of this field and the keywords; undefined where no rule looks for a text. */
  readonly automaton: LiteralAutomaton | undefined;
}

/** The literal prefilter of a set of rules: one automaton for each field, whose literals wake rules. */
export class RuleIndex {
  /** Rules without a cover: they are candidates for every event of their log source. */
  readonly always: readonly number[];
  readonly #slots: ReadonlyMap<string, Slot>;
  /** For fields that no rule names. */
  readonly #keywords: LiteralAutomaton | undefined;

  private constructor(
    always: readonly number[],
    slots: ReadonlyMap<string, Slot>,
    keywords: LiteralAutomaton | undefined,
  ) {
    this.always = always;
    this.#slots = slots;
    this.#keywords = keywords;
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
    const keywords = wakes.get(undefined);
    const slots = new Map<string, Slot>();
    for (const field of fields) {
      const own = wakes.get(field);
      const texts = withoutPresence(own);
      slots.set(field, {
        number: slots.size,
        present: own?.get('') ?? [],
        automaton: yield* automatonOf(joined(texts, keywords)),
      });
    }
    return new RuleIndex(always, slots, yield* automatonOf(keywords));
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
      if (slot === undefined) scan(this.#keywords, texts, wake);
      else {
        row.fill(slot.number, texts);
        for (const rule of slot.present) wake.add(rule);
        scan(slot.automaton, texts, wake);
      }
    }
  }
}

const rulesPerStep = 20;

function scan(
  automaton: LiteralAutomaton | undefined,
  texts: Exclude<Texts, undefined>,
  wake: WakeList,
): void {
  if (automaton === undefined) return;
  if (typeof texts === 'string') automaton.collect(texts, wake);
  else for (const text of texts) automaton.collect(text, wake);
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
  let ofField = wakes.get(field);
  if (ofField === undefined) wakes.set(field, (ofField = new Map()));
  let woken = ofField.get(text);
  if (woken === undefined) ofField.set(text, (woken = []));
  return woken;
}

type Wakes = ReadonlyMap<string, readonly number[]>;

function withoutPresence(wakes: Wakes | undefined): Wakes | undefined {
  return wakes?.has('') === true ? new Map([...wakes].filter(([text]) => text !== '')) : wakes;
}

function joined(own: Wakes | undefined, keywords: Wakes | undefined): Wakes | undefined {
  if (own === undefined || keywords === undefined) return own ?? keywords;
  const both = new Map(own);
  for (const [text, rules] of keywords) both.set(text, [...(both.get(text) ?? []), ...rules]);
  return both;
}

function* automatonOf(
  wakes: Wakes | undefined,
): Generator<undefined, LiteralAutomaton | undefined, undefined> {
  return wakes === undefined || wakes.size === 0 ? undefined : yield* LiteralAutomaton.build(wakes);
}
