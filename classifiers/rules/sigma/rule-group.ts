import { LiteralAutomaton } from './aho-corasick.ts';
import type { Matcher, Row } from './compile.ts';
import { compilePredicate } from './compile.ts';
import type { Literal } from './cover.ts';
import { coverOf, literalsOf } from './cover.ts';
import { absenceSensitiveFields } from './predicate.ts';
import type { SigmaRule } from './rule.ts';

export interface CompiledRule {
  readonly rule: SigmaRule;
  readonly matches: Matcher;
  readonly absenceSensitive: ReadonlySet<string>;
}

/** The rules of one log source with their prefilter: for each field one automaton, whose literals wake rules. */
export class RuleGroup {
  /** Place of each field in the rows of this group. */
  readonly slots: ReadonlyMap<string, number>;
  readonly #rules: readonly CompiledRule[];
  readonly #always: readonly number[];
  readonly #automata: readonly { readonly slot: number; readonly automaton: LiteralAutomaton }[];

  constructor(members: readonly SigmaRule[]) {
    const slots = new Map<string, number>();
    const slotOf = (field: string): number => {
      const slot = slots.get(field) ?? slots.size;
      slots.set(field, slot);
      return slot;
    };
    this.slots = slots;
    this.#rules = members.map((rule) => ({
      rule,
      matches: compilePredicate(rule.predicate, slotOf),
      absenceSensitive: absenceSensitiveFields(rule.predicate),
    }));
    const { always, wakes } = coverRules(members);
    this.#always = always;
    this.#automata = [...wakes].map(([field, literals]) => ({
      slot: slotOf(field),
      automaton: new LiteralAutomaton(literals),
    }));
  }

  /** Every rule that could match the row, each once, in the order of the rules. */
  candidates(row: Row): readonly CompiledRule[] {
    const awake = new Set<number>(this.#always);
    for (const { slot, automaton } of this.#automata) {
      const texts = row.lower[slot];
      if (typeof texts === 'string') automaton.collect(texts, awake);
      else for (const text of texts ?? []) automaton.collect(text, awake);
    }
    return [...awake].sort((a, b) => a - b).flatMap((index) => this.#rules[index] ?? []);
  }
}

interface Wakes {
  /** Rules without a cover: they are candidates for every event. */
  readonly always: readonly number[];
  /** Rules by field and literal. */
  readonly wakes: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;
}

function coverRules(rules: readonly SigmaRule[]): Wakes {
  const cost = costModel(rules);
  const always: number[] = [];
  const wakes = new Map<string, Map<string, number[]>>();
  rules.forEach((rule, index) => {
    const cover = coverOf(rule.predicate, cost);
    if (cover === undefined) always.push(index);
    for (const { field, text } of cover ?? []) {
      const literals = wakes.get(field) ?? new Map<string, number[]>();
      wakes.set(field, literals);
      const woken = literals.get(text);
      if (woken === undefined) literals.set(text, [index]);
      else woken.push(index);
    }
  });
  return { always, wakes };
}

/**
 * How often a literal is likely to occur, without looking at events: a text that many rules name is a common one
 * (`\powershell.exe`), and two more characters halve it.
 */
function costModel(rules: readonly SigmaRule[]): (literal: Literal) => number {
  const presence = 1_000;
  const uses = new Map<string, number>();
  for (const rule of rules) {
    const keys = new Set(literalsOf(rule.predicate).map(({ field, text }) => `${field}\n${text}`));
    for (const key of keys) uses.set(key, (uses.get(key) ?? 0) + 1);
  }
  return ({ field, text }) =>
    text === '' ? presence : (uses.get(`${field}\n${text}`) ?? 1) * 2 ** (-text.length / 2);
}
