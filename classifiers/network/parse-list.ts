import { isIP } from 'node:net';
import { z } from 'zod';
import { canonicalDomain, canonicalIp, canonicalUrl } from '../../contracts/canonical.ts';
import { addressNumber, isSpecialAddress, networkKey } from './address.ts';
import { judgedName } from './host-name.ts';
import { sharedZone } from './zones.ts';

/** A reputation list: what somebody said on a day, and until when it holds. */
export interface ReputationList {
  readonly file: string;
  readonly source: string;
  readonly licence: string;
  /** As `YYYY-MM-DD`: when it was made. */
  readonly date: string;
  /** Epoch milliseconds from which it says nothing. */
  readonly expiresMs: number;
  /** Domains, each with all names below it. */
  readonly domains: ReadonlySet<string>;
  readonly urls: ReadonlySet<string>;
  /** Keys of `networkKey`; an address alone is a network of its full length. */
  readonly networks: ReadonlySet<string>;
  /** Lengths of prefixes that occur, by bits of the family. */
  readonly prefixes: Readonly<Record<32 | 128, readonly number[]>>;
}

/** A line, or a whole file, that cannot be used. */
export interface RejectedLine {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

export interface ParsedList {
  /** Null where the head is not what it must be. */
  readonly list: ReputationList | null;
  readonly rejected: readonly RejectedLine[];
}

const day = z.iso.date('must be a day as YYYY-MM-DD');
/** The head of a list, in the order of the documents. */
export const listHeadSchema = z.strictObject({
  source: z.string().min(1).max(500).describe('Who says so; stands in the evidence of each score.'),
  licence: z.string().min(1).max(100).describe('Under what the list may be used.'),
  date: day.describe('The day on which it was made, `YYYY-MM-DD`; stands in the evidence.'),
  expires: day.describe('The day from whose beginning, in UTC, the list says nothing. After `date`.'),
});
const headSchema = listHeadSchema.refine(({ date, expires }) => expires > date, {
  path: ['expires'],
  error: 'must be after `date`',
});

/** Rejected lines of one file that are told: a file of another kind would fill the log. */
const maximalRejected = 100;
/** A list that names more than these of an address family's bits names half of the internet. */
export const leastPrefix = { 32: 16, 128: 32 } as const;

/**
 * Reads a list: a head of lines `# key: value` (`source`, `licence`, `date`, `expires`), then a domain, an address, a
 * network or a URL a line; what follows a `#` is a comment. A line that cannot be used is rejected and stops no other.
 */
export function parseList(file: string, text: string): ParsedList {
  const lines = text.split(/\r?\n/);
  const head = new Map<string, { readonly value: string; readonly line: number }>();
  const rejected: RejectedLine[] = [];
  const entries: Entry[] = [];
  let isHead = true;
  for (const [index, raw] of lines.entries()) {
    const pair = isHead ? /^#\s*([a-z]+)\s*:\s*(.+?)\s*$/.exec(raw) : null;
    if (pair !== null) head.set(pair[1] ?? '', { value: pair[2] ?? '', line: index + 1 });
    const entry = raw.replace(/(?:^|\s)#.*$/, '').trim();
    if (entry === '') continue;
    isHead = false;
    const read = readEntry(entry);
    if (typeof read === 'string') rejected.push({ file, line: index + 1, reason: read });
    else entries.push(read);
  }
  const about = headSchema.safeParse(
    Object.fromEntries(
      [...head].filter(([key]) => key in listHeadSchema.shape).map(([key, { value }]) => [key, value]),
    ),
  );
  if (!about.success) {
    const [issue] = about.error.issues;
    const key = String(issue?.path[0] ?? '');
    const reason = head.has(key)
      ? `the head line "${key}": ${issue?.message ?? ''}`
      : `the head lacks "# ${key}: …"`;
    return { list: null, rejected: [{ file, line: head.get(key)?.line ?? 1, reason }] };
  }
  const { source, licence, date, expires } = about.data;
  const list = {
    ...{ file, source, licence, date, expiresMs: Date.parse(`${expires}T00:00:00Z`) },
    ...collect(entries),
  };
  return { list, rejected: rejected.slice(0, maximalRejected) };
}

type Entry =
  | { readonly kind: 'domain' | 'url'; readonly value: string }
  | { readonly kind: 'network'; readonly key: string; readonly bits: 32 | 128; readonly prefix: number };

/** @returns the entry, or why it cannot be used */
function readEntry(text: string): Entry | string {
  if (text.includes('://')) {
    const url = canonicalUrl(text);
    return url === null ? 'neither a URL of http, https, ftp or ws' : { kind: 'url', value: url };
  }
  const [address = '', length, ...more] = text.split('/');
  if (isIP(address) !== 0 && more.length === 0) return readNetwork(address, length);
  return readDomain(text);
}

function readNetwork(text: string, length: string | undefined): Entry | string {
  const address = canonicalIp(text);
  if (address === null) return 'no address';
  const number = addressNumber(address);
  const { bits } = number;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (!(prefix <= bits)) return `the length of the prefix is no number from ${leastPrefix[bits]} to ${bits}`;
  if (prefix < leastPrefix[bits])
    return `the network is too wide: a prefix of ${leastPrefix[bits]} is the least`;
  if (isSpecialAddress(address)) return 'the range is special: no public host has such an address';
  return { kind: 'network', key: networkKey(number, prefix), bits, prefix };
}

function readDomain(text: string): Entry | string {
  const domain = canonicalDomain(text.replace(/^\*?\./, ''));
  if (domain === null) return 'no domain, address, network or URL';
  const isShared =
    sharedZone(domain)?.zone === domain || judgedName(domain) === 'public-suffix' || !domain.includes('.');
  return isShared
    ? 'strangers share what lies below it: name the one that is meant'
    : { kind: 'domain', value: domain };
}

function collect(
  entries: readonly Entry[],
): Pick<ReputationList, 'domains' | 'urls' | 'networks' | 'prefixes'> {
  const values = (kind: 'domain' | 'url') =>
    new Set(entries.flatMap((entry) => (entry.kind === kind ? [entry.value] : [])));
  const networks = entries.filter((entry) => entry.kind === 'network');
  const prefixes = (family: 32 | 128) => [
    ...new Set(networks.filter(({ bits }) => bits === family).map(({ prefix }) => prefix)),
  ];
  return {
    domains: values('domain'),
    urls: values('url'),
    networks: new Set(networks.map(({ key }) => key)),
    prefixes: { 32: prefixes(32), 128: prefixes(128) },
  };
}
