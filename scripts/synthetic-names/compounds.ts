import { between, randomOf, type Random } from '../random.ts';
import type { Vocabulary } from './families.ts';

/** Where names of a language are registered, beside the suffixes that all share. */
const countries: Readonly<Record<string, string>> = {
  ...{
    french: 'fr',
    german: 'de',
    spanish: 'es',
    italian: 'it',
    portuguese: 'com.br',
    dutch: 'nl',
    polish: 'pl',
  },
  ...{
    turkish: 'com.tr',
    swedish: 'se',
    danish: 'dk',
    norwegian: 'no',
    finnish: 'fi',
    czech: 'cz',
    slovak: 'sk',
  },
  ...{
    slovenian: 'si',
    hungarian: 'hu',
    romanian: 'ro',
    indonesian: 'co.id',
    vietnamese: 'vn',
    estonian: 'ee',
  },
  ...{
    latvian: 'lv',
    lithuanian: 'lt',
    catalan: 'cat',
    albanian: 'al',
    afrikaans: 'co.za',
    pinyin: 'cn',
    romaji: 'jp',
  },
};
const shared = ['com', 'com', 'com', 'net', 'org', 'info', 'eu'];

const initials = [
  'b',
  'p',
  'm',
  'f',
  'd',
  't',
  'n',
  'l',
  'g',
  'k',
  'h',
  'j',
  'q',
  'x',
  'zh',
  'ch',
  'sh',
  'r',
  'z',
  'c',
  's',
  'y',
  'w',
];
const finals = [
  'a',
  'ai',
  'an',
  'ang',
  'ao',
  'e',
  'ei',
  'en',
  'eng',
  'i',
  'ia',
  'ian',
  'iang',
  'iao',
  'ie',
  'in',
  'ing',
  'iu',
  'ong',
  'ou',
  'u',
  'ua',
  'uan',
  'ui',
  'un',
  'uo',
];
const morae = ['', 'k', 's', 't', 'n', 'h', 'm', 'y', 'r', 'g', 'z', 'd', 'b', 'sh', 'ch', 'ky', 'j'];

function pick(random: Random, items: readonly string[]): string {
  return items[between(random, 0, items.length)] ?? '';
}

function several(random: Random, least: number, most: number, one: () => string): string {
  return Array.from({ length: between(random, least, most + 1) }, one).join('');
}

/** Chinese and Japanese words as they are written in Latin letters. */
const transcribed: Readonly<Record<string, (random: Random) => string>> = {
  pinyin: (random) => several(random, 2, 3, () => pick(random, initials) + pick(random, finals)),
  romaji: (random) =>
    several(
      random,
      2,
      5,
      () => pick(random, morae) + pick(random, ['a', 'i', 'u', 'e', 'o', 'o', 'ou', 'an', 'in']),
    ),
};

/**
 * Harmless names as people compose them in languages that the tables hardly know: words of one language, one after the
 * other. The same vocabulary gives the same names.
 * @param perLanguage names of each language
 */
export function compoundNames(
  vocabulary: Vocabulary,
  perLanguage: number,
): readonly { readonly language: string; readonly domain: string }[] {
  return Object.entries(countries).flatMap(([language, country]) => {
    const random = randomOf('compounds', language);
    const words = (vocabulary[language] ?? []).filter((word) => word.length >= 3).slice(0, 5000);
    const make = transcribed[language];
    return Array.from({ length: perLanguage }, () => {
      const label =
        make === undefined
          ? Array.from({ length: between(random, 1, 5) }, () => pick(random, words)).join(
              random() < 0.15 ? '-' : '',
            )
          : make(random);
      const suffix = random() < 0.6 ? country : pick(random, shared);
      return { language, domain: `${label.slice(0, 60)}.${suffix}` };
    });
  });
}
