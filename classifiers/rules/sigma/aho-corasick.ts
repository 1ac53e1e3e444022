/** All characters beyond ASCII count as one, but for the long s, which expressions without case take for an s. */
const alphabet = 129;
const longS = '\u017f';

/** A lower-case literal as the automaton tells it from others: texts that it cannot tell apart become equal. */
export function foldLiteral(text: string): string {
  return text.replaceAll(longS, 's').replace(/[^\0-\x7f]/g, '\u0080');
}

/**
 * Tells which of many literals occur in a text, in one pass (Aho and Corasick 1975), as a dense automaton over the
 * characters that the literals use. It may find a literal with characters beyond ASCII where another such character
 * stands; it never overlooks one.
 */
export class LiteralAutomaton {
  readonly #classes: Uint8Array;
  readonly #width: number;
  readonly #next: Int32Array;
  readonly #outputs: readonly (readonly number[] | undefined)[];

  /** Folded literals with the numbers that each of them stands for. An empty literal occurs in every text. */
  constructor(numbersOf: ReadonlyMap<string, readonly number[]>) {
    this.#classes = new Uint8Array(alphabet);
    let width = 1;
    for (const literal of numbersOf.keys()) {
      for (let at = 0; at < literal.length; at += 1) {
        const symbol = symbolAt(literal, at);
        if (this.#classes[symbol] !== 0) continue;
        this.#classes[symbol] = width;
        width += 1;
      }
    }
    this.#width = width;
    const tree = buildTree(numbersOf, this.#classes, width);
    this.#outputs = linkFailures(tree, width);
    this.#next = tree.next;
  }

  /** Adds the numbers of every literal that occurs in the text. */
  collect(text: string, into: Set<number>): void {
    const classes = this.#classes;
    const next = this.#next;
    const width = this.#width;
    const outputs = this.#outputs;
    let state = 0;
    addAll(outputs[0], into);
    for (let at = 0; at < text.length; at += 1) {
      state = next[state * width + (classes[symbolAt(text, at)] ?? 0)] ?? 0;
      if (state !== 0) addAll(outputs[state], into);
    }
  }
}

function symbolAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < 128) return code;
  return code === 0x17f ? 115 : 128;
}

function addAll(numbers: readonly number[] | undefined, into: Set<number>): void {
  if (numbers !== undefined) for (const number of numbers) into.add(number);
}

interface Tree {
  /** Target state by state × class; 0 where the tree has no edge. */
  readonly next: Int32Array;
  readonly outputs: (readonly number[] | undefined)[];
}

function buildTree(
  numbersOf: ReadonlyMap<string, readonly number[]>,
  classes: Uint8Array,
  width: number,
): Tree {
  let bound = 1;
  for (const literal of numbersOf.keys()) bound += literal.length;
  const next = new Int32Array(bound * width);
  const outputs: (readonly number[] | undefined)[] = [undefined];
  for (const [literal, numbers] of numbersOf) {
    let state = 0;
    for (let at = 0; at < literal.length; at += 1) {
      const edge = state * width + (classes[symbolAt(literal, at)] ?? 0);
      if (next[edge] === 0) next[edge] = outputs.push(undefined) - 1;
      state = next[edge] ?? 0;
    }
    outputs[state] = numbers;
  }
  return { next: next.slice(0, outputs.length * width), outputs };
}

/** Breadth first: a missing edge becomes the edge of the longest proper suffix, whose outputs are inherited. */
function linkFailures({ next, outputs }: Tree, width: number): readonly (readonly number[] | undefined)[] {
  const failure = new Int32Array(outputs.length);
  const queue: number[] = [0];
  for (const state of queue) {
    const fallback = failure[state] ?? 0;
    const inherited = fallback === 0 ? undefined : outputs[fallback];
    if (inherited !== undefined) outputs[state] = [...(outputs[state] ?? []), ...inherited];
    for (let edge = 1; edge < width; edge += 1) {
      const target = next[state * width + edge] ?? 0;
      const other = state === 0 ? 0 : (next[fallback * width + edge] ?? 0);
      if (target === 0) next[state * width + edge] = other;
      else {
        failure[target] = other;
        queue.push(target);
      }
    }
  }
  return outputs;
}
