import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { readCombiner } from '../../../classifiers/combiner/read-combiner.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import { topics } from '../../../contracts/topics.ts';
import { startParts, type Running } from '../../../platform/lifecycle/start-parts.ts';
import { TopicLog } from '../../../platform/log/topic-log.ts';
import type { RedisSignals } from '../../../platform/signals/redis-signals.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { ensureProgram } from '../../../scripts/servers/install.ts';
import { createCorrelateEvents } from '../../../services/correlate/events.ts';
import { group } from '../../../services/correlate/group.ts';
import { createCorrelate } from '../../../services/correlate/service.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestLog, type TestLog } from '../../support/log.ts';
import { openSignals, startTestRedis, type TestRedis } from '../../support/redis.ts';
import { acceptedReport } from '../../support/reports.ts';

/** Long enough that the store is emptied between the second fold and the changelog's second word. */
const limits = { ...defaultLimits, changelogIntervalMs: 3000 };

let testLog: TestLog;
let redis: TestRedis;
let log: TopicLog;
let signals: RedisSignals;
let running: Running;

beforeAll(async () => {
  await ensureProgram('redis-server', 'redis-server');
  [testLog, redis] = await Promise.all([startTestLog(), startTestRedis()]);
  log = new TopicLog(testLog.log, 1);
  await log.createTopics();
  signals = await openSignals(redis.server.url, { partitions: 1 });
  const [logger, metrics] = [createLogger({ name: 'test', level: 'silent' }), createMetrics()];
  const events = createCorrelateEvents(logger, metrics);
  const { parts } = createCorrelate({
    ...{ log, signals, limits, events, metrics },
    ...{ profiles: [], combiner: await readCombiner(), writer: 'test' },
  });
  running = await startParts(parts);
}, 300_000);
afterAll(async () => {
  await running.stop();
  await signals.close();
  await Promise.all([testLog.stop(), redis.stop()]);
});

const unsettled = async (): Promise<number> =>
  (await log.log.lag(group, [topics.reports.name])).reduce((sum, { lag }) => sum + lag, 0);

test('what was folded into signals that are lost before the changelog holds it is read again, though nothing else comes', async () => {
  const artifact = { kind: 'command-line', text: 'whoami /priv' } as const;
  const [first, second] = ['north-1', 'north-2'].map((device) => acceptedReport({ artifact }, { device }));
  if (first === undefined || second === undefined) throw new Error('there are two');
  await log.append(topics.reports, [first]);
  await eventually(async () => ((await unsettled()) === 0 ? true : null));
  await log.append(topics.reports, [second]);
  const key = second.artifactKey;
  await eventually(async () => {
    const [state] = await signals.read([key]);
    return state?.devicesByTenant.get(second.tenantId) === 2 ? true : null;
  });
  expect(await unsettled()).toBe(1);
  const client = new Redis(redis.server.url);
  await client.flushall();
  client.disconnect();
  await eventually(async () => ((await unsettled()) === 0 ? true : null), 20_000);
  const [state] = await signals.read([key]);
  expect(state?.devicesByTenant.get(second.tenantId)).toBe(2);
}, 60_000);
