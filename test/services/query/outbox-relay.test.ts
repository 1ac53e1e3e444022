import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { FirebreakError } from '../../../contracts/errors.ts';
import { tenantIdSchema } from '../../../contracts/ids.ts';
import type { ControlRecord } from '../../../contracts/records.ts';
import type { TopicLog } from '../../../platform/log/topic-log.ts';
import { enqueueControl } from '../../../platform/postgres/outbox.ts';
import { inTransaction } from '../../../platform/postgres/pool.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createQueryEvents } from '../../../services/query/events.ts';
import { OutboxRelay } from '../../../services/query/outbox-relay.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
const started: OutboxRelay[] = [];

beforeAll(async () => {
  database = await startTestDatabase();
  pool = database.pool('firebreak_config');
}, 60_000);
afterEach(async () => {
  for (const relay of started.splice(0)) await relay.stop();
});
afterAll(() => database.stop());

/** A log that remembers, and refuses while it is told to. */
function startRelay() {
  const state = { sent: [] as ControlRecord[], refuses: false };
  const append = async (_topic: unknown, values: readonly ControlRecord[]) => {
    if (state.refuses) throw new FirebreakError('FB_LOG_UNAVAILABLE', 'The log is away.');
    state.sent.push(...values);
    return [];
  };
  const relay = new OutboxRelay({
    pool,
    log: { append: append as TopicLog['append'] },
    events: createQueryEvents(createLogger({ name: 'test', level: 'silent' }), createMetrics()),
    intervalMs: 20,
  });
  started.push(relay);
  return { relay, state };
}

function change(version: number): ControlRecord {
  return { kind: 'tenant', version, tenantId: tenantIdSchema.parse(randomUUID()), trust: 'new' };
}

async function enqueue(...records: readonly ControlRecord[]): Promise<void> {
  await inTransaction(pool, async (client) => {
    for (const record of records) await enqueueControl(client, record);
  });
}

async function untilEmpty(): Promise<void> {
  await eventually(async () => {
    const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from config.outbox');
    return rows[0]?.n === 0 ? true : null;
  });
}

async function holders(): Promise<readonly number[]> {
  const { rows } = await database
    .pool('owner')
    .query<{ pid: number }>("select pid from pg_locks where locktype = 'advisory' and objid = 7305003");
  return rows.map(({ pid }) => pid);
}

test('what is in the outbox reaches the log in order, and leaves the outbox', async () => {
  const records = [1, 2, 3].map(change);
  await enqueue(...records);
  const { relay, state } = startRelay();
  await relay.start();
  await untilEmpty();
  expect(state.sent).toEqual(records);
});

test('a change that is rolled back tells nobody', async () => {
  const { relay, state } = startRelay();
  await relay.start();
  const rolledBack = inTransaction(pool, async (client) => {
    await enqueueControl(client, change(1));
    throw new Error('no');
  });
  await expect(rolledBack).rejects.toThrow('no');
  const kept = change(2);
  await enqueue(kept);
  relay.poke();
  await untilEmpty();
  expect(state.sent).toEqual([kept]);
});

test('what the log does not take stays and goes later, before what came after', async () => {
  const { relay, state } = startRelay();
  state.refuses = true;
  await relay.start();
  const [first, second] = [change(1), change(2)];
  await enqueue(first);
  relay.poke();
  await enqueue(second);
  state.refuses = false;
  await untilEmpty();
  expect(state.sent).toEqual([first, second]);
});

test('one relay sends, however many there are; when it goes, another takes over', async () => {
  const [one, two] = [startRelay(), startRelay()];
  await one.relay.start();
  await eventually(async () => ((await holders()).length === 1 ? true : null));
  await two.relay.start();
  const [first, second] = [change(1), change(2)];
  await enqueue(first);
  await untilEmpty();
  expect([one.state.sent, two.state.sent]).toEqual([[first], []]);
  await one.relay.stop();
  await enqueue(second);
  await untilEmpty();
  expect([one.state.sent, two.state.sent]).toEqual([[first], [second]]);
});

test('a relay that loses its connection sends on', async () => {
  const { relay, state } = startRelay();
  await relay.start();
  const [pid] = await eventually(async () => ((await holders()).length === 1 ? holders() : null));
  await database.pool('owner').query('select pg_terminate_backend($1)', [pid]);
  const record = change(1);
  await enqueue(record);
  await untilEmpty();
  expect(state.sent).toEqual([record]);
});
