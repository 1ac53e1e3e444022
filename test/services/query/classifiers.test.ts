import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ClassifierStatus, ShadowScore } from '../../../contracts/classifier-versions.ts';
import { toTimestamp } from '../../../contracts/ids.ts';
import { topics } from '../../../contracts/topics.ts';
import { eventually } from '../../support/eventually.ts';
import { fileKey } from '../../support/history.ts';
import { startQuery, type QueryFixture, type TestTenant } from './fixture.ts';

const [shippedDigest, newDigest] = ['a'.repeat(64), 'b'.repeat(64)];
const why = { by: 'somebody', comment: 'fewer false blocks for a week' };

let query: QueryFixture;
let tenant: TestTenant;

const status = (instance: string, agoMs = 0): ClassifierStatus => ({
  instance,
  toldAt: toTimestamp(Date.now() - agoMs),
  versions: [
    { classifier: 'metadata', version: '1', digest: shippedDigest, state: 'champion', shipped: true },
    { classifier: 'metadata', version: '2', digest: newDigest, state: 'challenger', shipped: false },
  ],
  refused: [{ folder: '/versions/3', reason: 'no model' }],
});

const shadow = (name: string, champion: number, challenger: number): ShadowScore => ({
  artifactKey: fileKey(name),
  classifier: 'metadata',
  scoredAt: toTimestamp(Date.now()),
  champion: { version: '1', probability: champion, blocks: champion >= 0.9 },
  challenger: { version: '2', probability: challenger, blocks: challenger >= 0.9 },
});

async function analystSays(name: string, action: 'block' | 'allow'): Promise<void> {
  await query.owner.query(
    `insert into config.overrides (id, tenant_id, entry_id, artifact_key, action, targets, targets_hash, restore, comment, created_by)
     values ($1, $2, $1, $3, $4, '[]', $5, false, 'seen', 'an analyst')`,
    [randomUUID(), tenant.id, fileKey(name), action, Buffer.from(name)],
  );
}

beforeAll(async () => {
  query = await startQuery();
  tenant = await query.createTenant();
  const statuses = [status('gone', 600_000), status('one'), status('two')];
  await query.log.append(topics.classifierStatus, statuses);
  await query.log.append(topics.shadow, [
    shadow('both', 0.95, 0.99),
    shadow('champion alone', 0.95, 0.2),
    shadow('challenger alone', 0.3, 0.95),
    shadow('neither', 0.1, 0.1),
  ]);
  await analystSays('both', 'block');
  await analystSays('champion alone', 'allow');
});
afterAll(() => query.stop());

test('the list tells what living processes have, and what they refused', async () => {
  const { json } = await query.get(query.operator, '/v1/classifiers');
  expect(json).toMatchObject({
    instances: 2,
    versions: [
      { version: '1', state: 'champion', shipped: true, instances: 2, silence: null },
      { version: '2', state: 'challenger', instances: 2 },
    ],
    refused: [{ folder: '/versions/3', reason: 'no model', instances: 2 }],
    changes: [],
  });
});

test('a comparison tells where the two differ, and who is right by what analysts said', async () => {
  const { json } = await query.get(query.operator, '/v1/classifiers/metadata/comparison?version=2');
  expect(json).toMatchObject({
    reports: 4,
    agreement: 0.5,
    champion: { blocks: 2, known: { found: 1, falselyBlocked: 1, precision: 0.5 } },
    challenger: { blocks: 2, known: { found: 1, falselyBlocked: 0, precision: 1 } },
    known: { malicious: 1, harmless: 1 },
    onlyChampion: [fileKey('champion alone')],
    onlyChallenger: [fileKey('challenger alone')],
  });
  expect(json['challenger']).toMatchObject({ distribution: [0, 1, 1, 0, 0, 0, 0, 0, 0, 2] });
});

test('promotion, drop and the way back are written down and reach the control topic, in order', async () => {
  const change = async (action: string, version: string) => {
    const path = `/v1/classifiers/metadata/${action}`;
    expect((await query.call(query.operator, 'POST', path, { version, ...why })).status).toBe(200);
  };
  await change('promote', '2');
  await change('promote', '1');
  await change('drop', '2');
  const sent = await eventually(async () => {
    const records = (await query.control()).filter(({ kind }) => kind === 'classifier');
    return records.length === 3 ? records : null;
  });
  const two = { version: '2', digest: newDigest };
  expect(sent).toEqual([
    expect.objectContaining({ version: 1, lineUp: { champion: two, dropped: [] } }),
    expect.objectContaining({ version: 2, lineUp: { champion: null, dropped: [] } }),
    expect.objectContaining({ version: 3, lineUp: { champion: null, dropped: [two] } }),
  ]);
  const { json } = await query.get(query.operator, '/v1/classifiers');
  expect(json).toMatchObject({
    changes: [
      { action: 'drop', version: '2', ...why },
      { action: 'promote', version: '1' },
      { action: 'promote', version: '2' },
    ],
  });
});

test('a version that no living process has is not promoted, and nobody but the operator promotes', async () => {
  const path = '/v1/classifiers/metadata/promote';
  expect(await query.call(query.operator, 'POST', path, { version: '7', ...why })).toMatchObject({
    status: 404,
  });
  expect(await query.call(tenant.admin, 'POST', path, { version: '2', ...why })).toMatchObject({
    status: 403,
  });
});
