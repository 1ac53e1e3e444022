import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { reportIdSchema, toTimestamp, type TenantId } from '../../../contracts/ids.ts';
import { defaultLimits, type Limits } from '../../../contracts/limits.ts';
import type { StoredSample } from '../../../contracts/records.ts';
import { withTenant } from '../../../platform/postgres/pool.ts';
import { parseSampleKeys, type SampleKeys } from '../../../platform/samples/sample-keys.ts';
import { SampleVault } from '../../../platform/samples/sample-vault.ts';
import { newDevice, newTenant } from '../../support/history.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
const key = (id: string, digit: string) => `${id}:${digit.repeat(64)}`;
const firstKey = parseSampleKeys(key('first', 'a'));

beforeAll(async () => {
  database = await startTestDatabase();
}, 60_000);
afterAll(() => database.stop());

function vaultWith(limits: Partial<Limits> = {}, keys: SampleKeys = firstKey): SampleVault {
  const pool = database.pool('firebreak_samples');
  return new SampleVault({ pool, keys, limits: { ...defaultLimits, ...limits } });
}

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const origin = (tenantId: TenantId) => ({
  tenantId,
  deviceId: newDevice(),
  reportId: reportIdSchema.parse(randomUUID()),
  reportedAt: toTimestamp(Date.now()),
  fileName: 'invoice.exe',
});
/** The bytes in chunks of odd sizes, as a connection gives them. */
async function* inChunks(bytes: Buffer, then?: Error): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 70_001) yield bytes.subarray(at, at + 70_001);
  if (then !== undefined) throw then;
}
const send = (vault: SampleVault, tenantId: TenantId, bytes: Buffer, sha256 = digestOf(bytes)) =>
  vault.take(origin(tenantId), sha256, inChunks(bytes), bytes.length);
/** Compares by itself: a matcher looks at every byte by its own means, for seconds. */
const isReadBy = async (vault: SampleVault, { tenantId, sampleId }: StoredSample, bytes: Buffer) =>
  (await vault.read(tenantId, sampleId))?.equals(bytes);
const rowsOf = async (tenantId: TenantId) => {
  const { rows } = await database
    .pool('owner')
    .query<{ state: string; key_id: string }>(
      'select state, key_id, (select count(*)::int from samples.pieces p where p.sample_id = s.id) as pieces from samples.samples s where tenant_id = $1',
      [tenantId],
    );
  return rows;
};

describe('a sample', () => {
  test.each([0, 1, 262_144, 262_145, 600_000])('of %i bytes comes back as it was sent', async (size) => {
    const [vault, tenantId, bytes] = [vaultWith(), newTenant(), randomBytes(size)];
    const { sample, fresh } = await send(vault, tenantId, bytes);
    expect(fresh).toBe(true);
    expect(sample).toMatchObject({ artifactKey: `file:sha256:${digestOf(bytes)}`, sizeBytes: size });
    expect(await isReadBy(vault, sample, bytes)).toBe(true);
    expect(await vault.find(tenantId, digestOf(bytes))).toEqual({ sample, announced: false });
  });

  test('lies in the database as nothing that its bytes can be found in', async () => {
    const tenantId = newTenant();
    const bytes = Buffer.from('a text that one would look for '.repeat(20));
    await send(vaultWith(), tenantId, bytes);
    const { rows } = await database
      .pool('owner')
      .query<{ data: Buffer }>('select data from samples.pieces where tenant_id = $1', [tenantId]);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.data.includes('one would look for')).toBe(false);
  });

  test('with another digest, too many bytes or a sender who left leaves nothing behind', async () => {
    const [tenantId, bytes] = [newTenant(), randomBytes(300_000)];
    const small = vaultWith({ sampleBytes: 290_000 });
    const left = new Error('The sender left.');
    await expect(send(vaultWith(), tenantId, bytes, 'b'.repeat(64))).rejects.toMatchObject({
      code: 'FB_HASH_MISMATCH',
    });
    await expect(send(small, tenantId, bytes)).rejects.toMatchObject({ code: 'FB_SAMPLE_TOO_LARGE' });
    await expect(
      vaultWith().take(origin(tenantId), digestOf(bytes), inChunks(bytes, left), bytes.length),
    ).rejects.toBe(left);
    expect(await rowsOf(tenantId)).toEqual([]);
  });

  test('is stored once, however many devices send it at a time', async () => {
    const [vault, tenantId, bytes] = [vaultWith(), newTenant(), randomBytes(400_000)];
    const taken = await Promise.all([1, 2, 3, 4, 5].map(() => send(vault, tenantId, bytes)));
    expect(taken.filter(({ fresh }) => fresh)).toHaveLength(1);
    expect(new Set(taken.map(({ sample }) => sample.sampleId)).size).toBe(1);
    expect(await rowsOf(tenantId)).toMatchObject([{ state: 'stored', pieces: 2 }]);
  });

  test('beyond the quota is refused, and one that goes makes room', async () => {
    const [vault, tenantId] = [vaultWith({ sampleQuotaBytes: 1000 }), newTenant()];
    const first = randomBytes(600);
    await send(vault, tenantId, first);
    await expect(send(vault, tenantId, randomBytes(500))).rejects.toMatchObject({ code: 'FB_SAMPLE_QUOTA' });
    await send(vault, newTenant(), randomBytes(500));
    await withTenant(database.pool('firebreak_tenant'), tenantId, (client) =>
      client.query('delete from samples.samples'),
    );
    await send(vault, tenantId, randomBytes(500));
    expect(await rowsOf(tenantId)).toHaveLength(1);
  });
});

describe('another tenant', () => {
  test('finds, reads and deletes nothing, and stores the same bytes as its own', async () => {
    const [vault, mine, theirs, bytes] = [vaultWith(), newTenant(), newTenant(), randomBytes(1000)];
    const { sample } = await send(vault, theirs, bytes);
    expect(await vault.find(mine, digestOf(bytes))).toBeNull();
    expect(await vault.read(mine, sample.sampleId)).toBeNull();
    expect(await vault.beginAnalysis(mine, sample.sampleId)).toBeNull();
    for (const role of ['firebreak_samples', 'firebreak_tenant'] as const) {
      const { rowCount } = await withTenant(database.pool(role), mine, (client) =>
        client.query('delete from samples.samples'),
      );
      expect(rowCount).toBe(0);
    }
    const { sample: own, fresh } = await send(vault, mine, bytes);
    expect(fresh).toBe(true);
    expect(own.sampleId).not.toBe(sample.sampleId);
    const { rows } = await database
      .pool('owner')
      .query<{ data: Buffer }>('select data from samples.pieces where sample_id = any($1::uuid[])', [
        [own.sampleId, sample.sampleId],
      ]);
    expect(rows[0]?.data).not.toEqual(rows[1]?.data);
  });
});

describe('keys', () => {
  test('a new key in front reads what the old one stored, wraps it anew, and then goes on alone', async () => {
    const [tenantId, bytes] = [newTenant(), randomBytes(300_000)];
    const { sample } = await send(vaultWith(), tenantId, bytes);
    const both = vaultWith({}, parseSampleKeys(`${key('second', 'b')},${key('first', 'a')}`));
    const alone = vaultWith({}, parseSampleKeys(key('second', 'b')));
    await expect(alone.read(tenantId, sample.sampleId)).rejects.toMatchObject({
      code: 'FB_SAMPLE_UNREADABLE',
    });
    expect(await isReadBy(both, sample, bytes)).toBe(true);
    for (;;) if ((await both.rewrap()).rewrapped === 0) break;
    expect(await rowsOf(tenantId)).toMatchObject([{ key_id: 'second' }]);
    expect(await isReadBy(alone, sample, bytes)).toBe(true);
  });

  test.each([
    [
      'is changed',
      'update samples.pieces set data = set_byte(data, 9, (get_byte(data, 9) + 1) % 256) where number = 1',
    ],
    ['is cut off', 'delete from samples.pieces where number = 2'],
    ['changes places', 'update samples.pieces set number = 3 - number where number > 0'],
    [
      'comes from another sample',
      'update samples.pieces p set data = o.data from samples.pieces o where o.number = p.number and o.sample_id <> p.sample_id',
    ],
  ])('a piece that %s makes the sample unreadable', async (_how, sql) => {
    const [vault, tenantId] = [vaultWith(), newTenant()];
    const { sample } = await send(vault, tenantId, randomBytes(700_000));
    await send(vault, tenantId, randomBytes(700_000));
    const owner = database.pool('owner');
    // The key of the pieces is checked row by row.
    const statement = sql.includes('3 - number')
      ? `update samples.pieces set number = number + 10 where tenant_id = '${tenantId}' and number > 0;
         update samples.pieces set number = 13 - number where tenant_id = '${tenantId}' and number > 10`
      : `${sql} and ${sql.includes(' p set') ? 'p.' : ''}tenant_id = '${tenantId}'`;
    await owner.query(statement);
    await expect(vault.read(tenantId, sample.sampleId)).rejects.toMatchObject({
      code: 'FB_SAMPLE_UNREADABLE',
    });
  });
});

describe('the keeping of samples', () => {
  test('deletes what has expired with its bytes, and uploads that nobody ends', async () => {
    const tenantId = newTenant();
    const [short, long] = [vaultWith({ sampleRetentionMs: 1 }), vaultWith()];
    const { sample: expired } = await send(short, tenantId, randomBytes(1000));
    const { sample: kept } = await send(long, tenantId, randomBytes(1000));
    const { sample: stale } = await send(long, tenantId, randomBytes(1000));
    await database
      .pool('owner')
      .query(
        "update samples.samples set state = 'uploading', stored_at = now() - interval '1 hour' where id = $1",
        [stale.sampleId],
      );
    expect(await long.expire()).toEqual({ expired: 1, abandoned: 1 });
    expect(await rowsOf(tenantId)).toHaveLength(1);
    expect(await long.read(tenantId, kept.sampleId)).not.toBeNull();
    const { rows } = await database
      .pool('owner')
      .query('select from samples.pieces where sample_id = any($1::uuid[])', [
        [expired.sampleId, stale.sampleId],
      ]);
    expect(rows).toEqual([]);
  });

  test('names samples that the log was not told of, once they are old enough', async () => {
    const [vault, tenantId] = [vaultWith(), newTenant()];
    const { sample } = await send(vault, tenantId, randomBytes(10));
    const mine = async () => (await vault.owed()).filter((owed) => owed.tenantId === tenantId);
    expect(await mine()).toEqual([]);
    await database
      .pool('owner')
      .query("update samples.samples set stored_at = stored_at - interval '2 minutes' where id = $1", [
        sample.sampleId,
      ]);
    expect(await mine()).toMatchObject([{ sampleId: sample.sampleId, artifactKey: sample.artifactKey }]);
    await vault.announced(tenantId, sample.sampleId);
    expect(await mine()).toEqual([]);
  });
});
