import { foldLiteral } from './aho-corasick.ts';
import type { Pattern } from './pattern.ts';
import type { Predicate, ValueTest } from './predicate.ts';
import type { Clause } from './regex-literals.ts';
import { requiredClauses } from './regex-literals.ts';

/** A folded text that a field contains; the empty text means that the field is there, no field that any one is meant. */
export interface Literal {
  readonly field: string | undefined;
  readonly text: string;
}

/** Longer literals are cut to their end: that is nearly as selective and keeps the automaton small. */
const literalLength = 16;

/** What an event is thought to cost whose field is only there: dearer than any text. */
const presenceCost = 1_000;
/** A keyword may stand in any of an event's fields, which are about so many. */
const fieldsOfEvent = 8;

/**
 * The literals that rules could be found by, numbered, with the number of rules that name each: a text that many name
 * is a common one (`\powershell.exe`).
 */
export class LiteralTable {
  readonly literals: Literal[] = [];
  readonly #numbers = new Map<string | undefined, Map<string, number>>();
  readonly #clauses = new Map<ValueTest, readonly (readonly number[])[]>();
  readonly #uses: number[] = [];
  readonly #usedBy: number[] = [];
  readonly #rarity: number[] = [];
  #rules = 0;

  /** Takes in the literals of one rule. */
  add(predicate: Predicate): void {
    this.#rules += 1;
    this.#count(predicate);
  }

  /** Each clause is a list of literals of which one occurs wherever the test holds. */
  clausesOf(field: string | undefined, test: ValueTest): readonly (readonly number[])[] {
    const known = this.#clauses.get(test);
    if (known !== undefined) return known;
    const texts = textClauses(test).map((clause) => clause.map((text) => this.#number(field, text)));
    const clauses = field === undefined ? texts : [[this.#number(field, '')], ...texts];
    this.#clauses.set(test, clauses);
    return clauses;
  }

  /** How many events are likely to contain a literal, in no unit, without looking at events. */
  costOf(literal: number): number {
    return (this.#uses[literal] ?? 1) * (this.#rarity[literal] ?? 1);
  }

  #count(predicate: Predicate): void {
    if (predicate.kind === 'not') return;
    if (predicate.kind !== 'test') return predicate.of.forEach((part) => this.#count(part));
    for (const clause of this.clausesOf(predicate.field, predicate.test)) {
      for (const literal of clause) {
        if (this.#usedBy[literal] === this.#rules) continue;
        this.#usedBy[literal] = this.#rules;
        this.#uses[literal] = (this.#uses[literal] ?? 0) + 1;
      }
    }
  }

  #number(field: string | undefined, whole: string): number {
    const text = foldLiteral(whole.slice(-literalLength));
    const numbers = this.#numbers.get(field) ?? new Map<string, number>();
    this.#numbers.set(field, numbers);
    const known = numbers.get(text);
    if (known !== undefined) return known;
    const number = this.literals.push({ field, text }) - 1;
    numbers.set(text, number);
    this.#rarity[number] = rarityOf(text) * (field === undefined ? fieldsOfEvent : 1);
    return number;
  }
}

function textClauses(test: ValueTest): readonly Clause[] {
  if (test.kind === 'regex') return requiredClauses(test.source);
  return test.kind === 'text' ? patternClauses(test.pattern) : [];
}

function patternClauses(pattern: Pattern): readonly Clause[] {
  return pattern.flatMap((part) => (part.kind === 'text' ? [[part.text]] : []));
}

/** Two letters halve how often a text occurs; one sign that paths and options do not use is worth six letters. */
function rarityOf(text: string): number {
  if (text === '') return presenceCost;
  let letters = 0;
  for (const char of text) letters += /[\w\s\\.:/"-]/.test(char) ? 1 : 6;
  return 2 ** (-letters / 2);
}
