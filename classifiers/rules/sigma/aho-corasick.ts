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
  /** Row of the next state by row of the state + column: states are numbered by where their row begins. */
  readonly #next: Int32Array;
  readonly #width: number;
  /** Only rows from here on end a literal, so that most characters cost one look. */
  readonly #firstOutput: number;
  /** Where the rules of each such row begin in `#rules`, and the end. */
  readonly #starts: Int32Array;
  readonly #rules: Int32Array;

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
    const columns = new Uint8Array(alphabet);
    let width = 1;
    for (const literal of rulesOf.keys()) {
      for (let at = 0; at < literal.length; at += 1) {
        const symbol = literal.charCodeAt(at);
        if (columns[symbol] !== 0) continue;
        columns[symbol] = width;
        width += 1;
      }
    }
    for (let letter = 0x61; letter <= 0x7a; letter += 1) columns[letter - 32] = columns[letter] ?? 0;
    const tree = buildTree(rulesOf, columns, width);
    yield;
    const outputs = yield* linkFailures(tree, width);
    return new LiteralAutomaton(columns, width, yield* arrange(tree.next, outputs, width));
  }

  /** Wakes the rules of every literal that occurs in the text. */
  collect(text: string, wake: WakeList): void {
    const columns = this.#columns;
    const next = this.#next;
    const firstOutput = this.#firstOutput;
    let row = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code < beyondAscii) row = next[row + (columns[code] ?? 0)] ?? 0;
      else if (code !== dottedCapitalI) row = next[row + (columns[symbolOf(code)] ?? 0)] ?? 0;
      else {
        this.collect(text.toLowerCase(), wake);
        return;
      }
      if (row >= firstOutput) this.#wake(row, wake);
    }
  }

  #wake(row: number, wake: WakeList): void {
    const index = (row - this.#firstOutput) / this.#width;
    const end = this.#starts[index + 1] ?? 0;
    for (let at = this.#starts[index] ?? 0; at < end; at += 1) wake.add(this.#rules[at] ?? 0);
  }
}

const symbolAt = (text: string, at: number): number => symbolOf(text.charCodeAt(at));

function symbolOf(code: number): number {
  return code < beyondAscii ? code : (folded.get(code) ?? beyondAscii);
}

type Outputs = (readonly number[] | undefined)[];

interface Tree {
  /** Target state by state × column; 0 where the tree has no edge. */
  readonly next: Int32Array;
  readonly outputs: Outputs;
}

function buildTree(
  rulesOf: ReadonlyMap<string, readonly number[]>,
  columns: Uint8Array,
  width: number,
): Tree {
  let bound = 1;
  for (const literal of rulesOf.keys()) bound += literal.length;
  const next = new Int32Array(bound * width);
  const outputs: Outputs = [undefined];
  for (const [literal, rules] of rulesOf) {
    let state = 0;
    for (let at = 0; at < literal.length; at += 1) {
      const edge = state * width + (columns[literal.charCodeAt(at)] ?? 0);
      if (next[edge] === 0) next[edge] = outputs.push(undefined) - 1;
      state = next[edge] ?? 0;
    }
    outputs[state] = rules;
  }
  return { next, outputs };
}

const statesPerStep = 1_000;

/** Breadth first: a missing edge becomes the edge of the longest proper suffix, whose outputs are inherited. */
function* linkFailures({ next, outputs }: Tree, width: number): Generator<undefined, Outputs, undefined> {
  const failure = new Int32Array(outputs.length);
  const queue: number[] = [0];
  for (const state of queue) {
    const fallback = failure[state] ?? 0;
    const inherited = fallback === 0 ? undefined : outputs[fallback];
    if (inherited !== undefined) outputs[state] = [...new Set([...(outputs[state] ?? []), ...inherited])];
    for (let edge = 1; edge < width; edge += 1) {
      const target = next[state * width + edge] ?? 0;
      const other = state === 0 ? 0 : (next[fallback * width + edge] ?? 0);
      if (target === 0) next[state * width + edge] = other;
      else {
        failure[target] = other;
        queue.push(target);
      }
    }
    if (queue.length % statesPerStep === 0) yield;
  }
  return outputs;
}

interface States {
  readonly next: Int32Array;
  readonly firstOutput: number;
  readonly starts: Int32Array;
  readonly rules: Int32Array;
}

/** Numbers the states anew: by row, and those with outputs last. */
function* arrange(
  next: Int32Array,
  outputs: Outputs,
  width: number,
): Generator<undefined, States, undefined> {
  const silent = [...outputs.keys()].filter((state) => outputs[state] === undefined);
  const speaking = [...outputs.keys()].filter((state) => outputs[state] !== undefined);
  const order = [...silent, ...speaking];
  const rowOf = new Int32Array(order.length);
  order.forEach((state, index) => (rowOf[state] = index * width));
  const arranged = new Int32Array(order.length * width);
  for (const [index, state] of order.entries()) {
    for (let edge = 0; edge < width; edge += 1)
      arranged[index * width + edge] = rowOf[next[state * width + edge] ?? 0] ?? 0;
    if (index % statesPerStep === 0) yield;
  }
  const starts = new Int32Array(speaking.length + 1);
  const rules = speaking.flatMap((state, index) => {
    const woken = outputs[state] ?? [];
    starts[index + 1] = (starts[index] ?? 0) + woken.length;
    return woken;
  });
  return { next: arranged, firstOutput: silent.length * width, starts, rules: Int32Array.from(rules) };
}
