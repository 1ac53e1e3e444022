import { sha256Hex } from '../../contracts/canonical.ts';
import type { Entry } from '../../contracts/entry.ts';

/**
 * Count and digest of a set of entries. The digest is the sum modulo 2^256 of the SHA-256 of each entry's canonical
 * text, so it does not depend on an order, one entry is added or taken in constant time, and the digests of disjoint
 * sets add up to the digest of their union. Test vectors: contracts/vectors/stream-digest.json.
 */
export interface StateDigest {
  readonly count: number;
  readonly sum: bigint;
}

const modulus = 1n << 256n;

export const emptyDigest: StateDigest = { count: 0, sum: 0n };

/**
 * The lines `firebreak-entry-1`, id, revision, key, source, reach (or, for own entries, `all` or the device ids in
 * text order, joined by commas), action, blockFrom and expiresAt (or `never`), joined by line feeds, without one at
 * the end. They are what every subscriber of the entry sees alike.
 */
export function canonicalEntryText(entry: Entry): string {
  const audience = entry.source === 'decision' ? entry.reach : audienceOf(entry.targets);
  return [
    'firebreak-entry-1',
    entry.id,
    entry.revision,
    entry.key,
    entry.source,
    audience,
    entry.action,
    entry.blockFrom,
    entry.expiresAt ?? 'never',
  ].join('\n');
}

function audienceOf(targets: Extract<Entry, { source: 'own' }>['targets']): string {
  return 'all' in targets ? 'all' : [...targets.deviceIds].sort().join(',');
}

/** @returns what the entry adds to the sum */
export function contribution(entry: Entry): bigint {
  return BigInt(`0x${sha256Hex(canonicalEntryText(entry))}`);
}

export function withEntry(digest: StateDigest, entry: Entry): StateDigest {
  return { count: digest.count + 1, sum: (digest.sum + contribution(entry)) % modulus };
}

/** The entry must be in the set exactly as given. */
export function withoutEntry(digest: StateDigest, entry: Entry): StateDigest {
  return { count: digest.count - 1, sum: (digest.sum + modulus - contribution(entry)) % modulus };
}

/** The digest of the union of sets that have no entry in common. */
export function unionOf(...digests: readonly StateDigest[]): StateDigest {
  return digests.reduce(
    (all, { count, sum }) => ({ count: all.count + count, sum: (all.sum + sum) % modulus }),
    emptyDigest,
  );
}

/** @returns 64 lower-case hexadecimal digits */
export function digestText(digest: StateDigest): string {
  return digest.sum.toString(16).padStart(64, '0');
}
