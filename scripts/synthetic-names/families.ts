import { between, randomOf, shuffled, type Random } from '../random.ts';

/** Names by one invented algorithm, as malware computes them: one alphabet or word list, one range of lengths, few suffixes. */
export interface SyntheticFamily {
  readonly name: string;
  readonly kind: keyof typeof kinds;
  readonly domains: readonly string[];
}

/** Words by language, most frequent first. */
export type Vocabulary = Readonly<Record<string, readonly string[]>>;

/** Makes one label. */
type Generator = () => string;

const letters = 'abcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';
const vowels = 'aeiou';
const consonants = 'bcdfghjklmnpqrstvwxz';

const pick = <Item>(random: Random, items: ArrayLike<Item>): Item =>
  items[between(random, 0, items.length)] as Item;

/** Lengths of one family: from some length on, a few symbols of room. */
function lengths(random: Random, least: number, most: number): () => number {
  const from = between(random, least, most);
  const room = between(random, 0, 1 + Math.floor(random() * 12));
  return () => between(random, from, Math.min(from + room, 40) + 1);
}

function uniform(random: Random, alphabet: string, least = 6): Generator {
  const length = lengths(random, least, 22);
  return () => Array.from({ length: length() }, () => pick(random, alphabet)).join('');
}

/** Some letters of the alphabet only. */
function subset(random: Random): Generator {
  const size = between(random, 6, 20);
  const chosen = shuffled([...(random() < 0.3 ? letters + digits : letters)], random).slice(0, size);
  return uniform(random, chosen.join(''), 7);
}

/** Letters and digits where one kind is more frequent, as in pieces of a digest or a number in another base. */
function digest(random: Random): Generator {
  const alphabets = ['0123456789abcdef', letters + digits, letters + '234567', letters.slice(0, 16) + digits];
  return uniform(random, pick(random, alphabets), 8);
}

/** Consonants and vowels by turns, with a family's own habits. */
function pronounceable(random: Random): Generator {
  const some = shuffled([...consonants], random).slice(0, between(random, 10, consonants.length + 1));
  const sounds = random() < 0.3 ? `${vowels}y` : vowels;
  const pattern = pick(random, ['cv', 'cvc', 'vc', 'cvv', 'cvcc', 'ccvc', 'vcv', 'cvcv']);
  const length = lengths(random, 6, 14);
  const slip = random() < 0.5 ? 0 : 0.25 * random();
  const doubling = random() < 0.3 ? 0.15 : 0;
  return () => {
    const size = length();
    let name = '';
    for (let index = 0; name.length < size; index++) {
      const isVowel = (pattern[index % pattern.length] === 'v') !== random() < slip;
      const symbol = isVowel ? pick(random, sounds) : pick(random, some);
      name += random() < doubling ? symbol + symbol : symbol;
    }
    return name.slice(0, size);
  };
}

/** Letters drawn as one follows the other in a language. */
function markov(random: Random, vocabulary: Vocabulary): Generator {
  const words = (vocabulary['english'] ?? []).slice(0, 3000);
  const followers = new Map<string, string[]>();
  for (const word of words)
    for (let index = 0; index + 1 < word.length; index++) {
      const key = word.charAt(index);
      const list = followers.get(key) ?? [];
      list.push(word.charAt(index + 1));
      followers.set(key, list);
    }
  const length = lengths(random, 8, 16);
  return () => {
    const size = length();
    let name = pick(random, letters);
    while (name.length < size) name += pick(random, followers.get(name.slice(-1)) ?? [...letters]);
    return name;
  };
}

/** Whole words one after the other, out of a list that the program carries. */
function wordList(random: Random, { english = [] }: Vocabulary): Generator {
  const usable = english.filter((word) => word.length >= 4 && word.length <= 9);
  const list = shuffled(usable, random).slice(0, between(random, 80, 1500));
  const count = between(random, 2, 6);
  const joint = random() < 0.15 ? '-' : '';
  const least = count * 4 + between(random, 2, 8);
  return () => {
    let words = Array.from({ length: count }, () => pick(random, list));
    while (words.join(joint).length < least) words = [...words, pick(random, list)];
    return words.join(joint).slice(0, 44);
  };
}

/** Syllables out of a short list that the program carries. */
function syllables(random: Random): Generator {
  const some = (symbols: string, count: number) =>
    shuffled([...symbols], random)
      .slice(0, count)
      .join('');
  const [heads, cores] = [
    some(consonants, between(random, 8, 21)),
    some(`${vowels}y`, between(random, 3, 7)),
  ];
  const tails = random() < 0.6 ? some(consonants, between(random, 3, 12)) : '';
  const list = Array.from({ length: between(random, 20, 200) }, () => {
    const tail = tails !== '' && random() < 0.5 ? pick(random, tails) : '';
    return (random() < 0.85 ? pick(random, heads) : '') + pick(random, cores) + tail;
  });
  const [least, most] = [between(random, 2, 4), between(random, 4, 6)];
  return () =>
    Array.from({ length: between(random, least, most) }, () => pick(random, list))
      .join('')
      .padEnd(6, pick(random, vowels));
}

/** A word or two with a tail that differs. */
function tailed(random: Random, vocabulary: Vocabulary): Generator {
  const words = (vocabulary['english'] ?? []).filter((word) => word.length >= 4).slice(0, 3000);
  const tail = uniform(random, random() < 0.5 ? letters : letters + digits, 5);
  return () => pick(random, words) + tail().slice(0, between(random, 5, 12));
}

/** The letters of one name in other orders. */
function permuted(random: Random): Generator {
  const base = uniform(random, random() < 0.5 ? letters : letters + digits, 10)();
  return () => shuffled([...base], random).join('');
}

const kinds = {
  uniform: (random) => uniform(random, letters),
  mixed: (random) => uniform(random, letters + digits, 8),
  subset,
  digest,
  pronounceable,
  markov,
  words: wordList,
  syllables,
  tailed,
  permuted,
} satisfies Record<string, (random: Random, vocabulary: Vocabulary) => Generator>;

/** Families of each kind: what is common among known algorithms is common here. */
const share: Readonly<Record<keyof typeof kinds, number>> = {
  ...{
    uniform: 30,
    mixed: 10,
    subset: 12,
    digest: 8,
    pronounceable: 30,
    markov: 10,
    words: 30,
    syllables: 20,
    tailed: 8,
    permuted: 3,
  },
};

/** What known algorithms take most, and what some take. */
const usualSuffixes = ['com', 'com', 'com', 'net', 'net', 'org', 'info', 'biz', 'ru'];
const otherSuffixes = [
  ...[
    'eu',
    'cn',
    'in',
    'co.uk',
    'de',
    'su',
    'top',
    'xyz',
    'online',
    'site',
    'pw',
    'me',
    'cc',
    'tv',
    'ws',
    'tk',
    'ml',
    'ga',
  ],
  ...[
    'click',
    'club',
    'space',
    'io',
    'us',
    'nl',
    'fr',
    'it',
    'pl',
    'com.br',
    'kr',
    'mx',
    'be',
    'se',
    'website',
    'tech',
    'live',
  ],
  ...['ddns.net', 'duckdns.org', 'dyndns.org', 'hopto.org'],
];

function suffixesOf(random: Random): readonly string[] {
  const usual = shuffled(usualSuffixes, random).slice(0, between(random, 0, 5));
  const others = shuffled(otherSuffixes, random).slice(0, random() < 0.5 ? 0 : between(random, 1, 6));
  return usual.length + others.length > 0 ? [...usual, ...others] : ['com'];
}

/**
 * Names of invented algorithms. The same vocabulary gives the same names.
 * @param perFamily names of each family
 */
export function syntheticFamilies(vocabulary: Vocabulary, perFamily: number): readonly SyntheticFamily[] {
  return Object.entries(share).flatMap(([key, families]) => {
    const kind = key as keyof typeof kinds;
    return Array.from({ length: families }, (_, index) => {
      const name = `${kind}-${index}`;
      const random = randomOf('synthetic names', name);
      const label = kinds[kind](random, vocabulary);
      const some = suffixesOf(random);
      const domains = Array.from({ length: perFamily }, () => `${label()}.${pick(random, some)}`);
      return { name, kind, domains: [...new Set(domains)] };
    });
  });
}
