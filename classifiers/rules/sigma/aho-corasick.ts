import type { WakeList } from './wake-list.ts';

/** All characters beyond ASCII count as one, but for those that matching without case takes for a letter. */
const beyondAscii = 128;
const alphabet = 129;
/** Long s and the Kelvin sign: matching without case takes them for s and k. */
const folded: ReadonlyMap<number, number> = new Map([
  [0x17f, 0x73],
  [0x212a, 0x6b],
]);
/** Its lower case is two characters, so that a text with it is read in lower case. */
const dottedCapitalI = 0x130;

/** A literal as the automaton tells it from others, lower case: texts that it cannot tell apart become equal. */
export function foldLiteral(text: string): string {
  let literal = '';
  const lower = text.toLowerCase();
  for (let at = 0; at < lower.length; at += 1) literal += String.fromCharCode(symbolAt(lower, at));
  return literal;
}

/**
 * Tells which of many literals occur in a text without regard to case, in one pass (Aho and Corasick 1975), as a dense
 * automaton over the characters that the literals use. It may find a literal with characters beyond ASCII where another
 * such character stands; it never overlooks one.
 */
export class LiteralAutomaton {
  /** Column of each symbol; both cases of a letter share one, and column 0 stands for all that no literal has. */
  readonly #columns: Uint8Array;
  readonly #width: number;
  /** Next state by state × column. */
  readonly #next: Uint16Array | Uint32Array;
  /** Only states from here on end a literal, so that most characters cost one look. */
  readonly #firstOutput: number;
  /** Where the rules of each such state begin in `#rules`, and the end. */
  readonly #starts: Uint32Array;
  readonly #rules: Uint32Array;

  private constructor(columns: Uint8Array, width: number, states: States) {
    this.#columns = columns;
    this.#width = width;
    this.#next = states.next;
    this.#firstOutput = states.firstOutput;
    this.#starts = states.starts;
    this.#rules = states.rules;
  }

  /**
   * Builds the automaton in steps of about a millisecond, so that a service goes on while it is built.
   * @param rulesOf folded literals, none of them empty, with the numbers of the rules that each wakes
   */
  static *build(
    rulesOf: ReadonlyMap<string, readonly number[]>,
  ): Generator<undefined, LiteralAutomaton, undefined> {
    const { columns, width } = columnsOf(rulesOf.keys());
    const tree = yield* buildTree(rulesOf, columns, width);
    const order = [0];
    const failure = new Uint32Array(tree.outputs.length);
    for (let at = 0; at < order.length;) {
      const end = Math.min(order.length, at + statesPerStep);
      for (; at < end; at += 1) linkState(order[at] ?? 0, tree, width, failure, order);
      yield;
    }
    const states = emptyStates(tree, order, width);
    for (let at = 0; at < order.length; at += statesPerStep) {
      renumber(tree, states, width, order.slice(at, at + statesPerStep));
      yield;
    }
    return new LiteralAutomaton(columns, width, states);
  }

  /** Wakes the rules of every literal that occurs in the text. */
  collect(text: string, wake: WakeList): void {
    const columns = this.#columns;
    const width = this.#width;
    const next = this.#next;
    const firstOutput = this.#firstOutput;
    let state = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code < beyondAscii) state = next[state * width + (columns[code] ?? 0)] ?? 0;
      else if (code !== dottedCapitalI) state = next[state * width + (columns[symbolOf(code)] ?? 0)] ?? 0;
      else {
        this.collect(text.toLowerCase(), wake);
        return;
      }
      if (state >= firstOutput) this.#wake(state - firstOutput, wake);
    }
  }

  #wake(output: number, wake: WakeList): void {
    const end = this.#starts[output + 1] ?? 0;
    for (let at = this.#starts[output] ?? 0; at < end; at += 1) wake.add(this.#rules[at] ?? 0);
  }
}

const symbolAt = (text: string, at: number): number => symbolOf(text.charCodeAt(at));

function symbolOf(code: number): number {
  return code < beyondAscii ? code : (folded.get(code) ?? beyondAscii);
}

function columnsOf(literals: Iterable<string>): { columns: Uint8Array; width: number } {
  const columns = new Uint8Array(alphabet);
  let width = 1;
  for (const literal of literals) {
    for (let at = 0; at < literal.length; at += 1) {
      const symbol = literal.charCodeAt(at);
      if (columns[symbol] !== 0) continue;
      columns[symbol] = width;
      width += 1;
    }
  }
  for (let letter = 0x61; letter <= 0x7a; letter += 1) columns[letter - 32] = columns[letter] ?? 0;
  return { columns, width };
}

interface Tree {
  /** Target state by state × column; 0 where the tree has no edge. */
  readonly next: Uint32Array;
  readonly outputs: (readonly number[] | undefined)[];
}

function* buildTree(
  rulesOf: ReadonlyMap<string, readonly number[]>,
  columns: Uint8Array,
  width: number,
): Generator<undefined, Tree, undefined> {
  let bound = 1;
  for (const literal of rulesOf.keys()) bound += literal.length;
  const next = new Uint32Array(bound * width);
  const outputs: Tree['outputs'] = [undefined];
  for (const [literal, rules] of rulesOf) {
    let state = 0;
    for (let at = 0; at < literal.length; at += 1) {
      const edge = state * width + (columns[literal.charCodeAt(at)] ?? 0);
      if (next[edge] === 0) next[edge] = outputs.push(undefined) - 1;
      state = next[edge] ?? 0;
    }
    const before = outputs.length - literal.length;
    outputs[state] = rules;
    if (Math.floor(before / statesPerStep) !== Math.floor(outputs.length / statesPerStep)) yield;
  }
  return { next, outputs };
}

const statesPerStep = 300;

/** Breadth first: a missing edge becomes the edge of the longest proper suffix, whose outputs are inherited. */
function linkState(
  state: number,
  { next, outputs }: Tree,
  width: number,
  failure: Uint32Array,
  order: number[],
): void {
  const fallback = failure[state] ?? 0;
  const inherited = fallback === 0 ? undefined : outputs[fallback];
  if (inherited !== undefined) outputs[state] = [...new Set([...(outputs[state] ?? []), ...inherited])];
  for (let edge = 1; edge < width; edge += 1) {
    const target = next[state * width + edge] ?? 0;
    const other = state === 0 ? 0 : (next[fallback * width + edge] ?? 0);
    if (target === 0) next[state * width + edge] = other;
    else {
      failure[target] = other;
      order.push(target);
    }
  }
}

interface States {
  readonly next: Uint16Array | Uint32Array;
  readonly firstOutput: number;
  readonly starts: Uint32Array;
  readonly rules: Uint32Array;
  /** New number by old. */
  readonly numbers: Uint32Array;
}

/** Numbers the states anew: those with outputs last, and near the root first, where most texts stay. */
function emptyStates({ outputs }: Tree, order: readonly number[], width: number): States {
  const silent = order.filter((state) => outputs[state] === undefined);
  const speaking = order.filter((state) => outputs[state] !== undefined);
  const numbers = new Uint32Array(order.length);
  [...silent, ...speaking].forEach((state, number) => (numbers[state] = number));
  const starts = new Uint32Array(speaking.length + 1);
  const rules = speaking.flatMap((state, index) => {
    const woken = outputs[state] ?? [];
    starts[index + 1] = (starts[index] ?? 0) + woken.length;
    return woken;
  });
  const cells = order.length * width;
  const next = order.length <= 0xffff ? new Uint16Array(cells) : new Uint32Array(cells);
  return { next, firstOutput: silent.length, starts, rules: Uint32Array.from(rules), numbers };
}

/** @param states is filled in for the states of the list, by their old numbers */
function renumber(tree: Tree, { next, numbers }: States, width: number, list: readonly number[]): void {
  for (const state of list) {
    const row = (numbers[state] ?? 0) * width;
    for (let edge = 0; edge < width; edge += 1)
      next[row + edge] = numbers[tree.next[state * width + edge] ?? 0] ?? 0;
  }
}
