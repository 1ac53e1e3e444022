import { artifactKeySchema } from '../../contracts/artifact.ts';
import { Conditions } from './conditions.ts';
import type { Client } from './database.ts';

const kindsBySha256 = ['file', 'script', 'command-line', 'url', 'certificate'] as const;
/** More artifacts with one weak digest than this and only the first are looked at. */
const mostKeys = 1000;

/** @returns the keys that artifact keys and bare hashes stand for; those of weaker digests too, where the tenant has seen both together */
export async function keysFor(
  client: Client,
  named: readonly string[] | undefined,
): Promise<readonly string[] | undefined> {
  if (named === undefined) return undefined;
  const keys = new Set(named.filter((text) => artifactKeySchema.safeParse(text).success));
  const hashes = named.filter((text) => !keys.has(text));
  for (const hash of hashes) for (const key of keysOfHash(hash)) keys.add(key);
  const weak = hashes.filter((hash) => hash.length !== 64);
  if (weak.length > 0) for (const key of await seenTogether(client, weak)) keys.add(key);
  return [...keys];
}

function keysOfHash(hash: string): readonly string[] {
  if (hash.length === 64) return kindsBySha256.map((kind) => `${kind}:sha256:${hash}`);
  return [hash.length === 40 ? `file:sha1:${hash}` : `file:md5:${hash}`];
}

async function seenTogether(client: Client, hashes: readonly string[]): Promise<readonly string[]> {
  const where = new Conditions();
  const list = where.value(hashes);
  // Two branches, so that each uses its index.
  const { rows } = await client.query<{ artifact_key: string }>(
    `select artifact_key from history.sightings where sha1 = any(${list}::text[])
     union select artifact_key from history.sightings where md5 = any(${list}::text[]) limit ${mostKeys}`,
    where.values,
  );
  return rows.map((row) => row.artifact_key);
}
