import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readCombiner } from '../../../classifiers/combiner/read-combiner.ts';
import type { ArtifactKey } from '../../../contracts/artifact.ts';
import type { ClassifierProfile } from '../../../contracts/classifier-profile.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import type { ReportInput } from '../../../contracts/report.ts';
import {
  findingSchema,
  type AcceptedReport,
  type Finding,
  type VerdictRecord,
} from '../../../contracts/records.ts';
import { topics, type Topic } from '../../../contracts/topics.ts';
import { startParts, type Running } from '../../../platform/lifecycle/start-parts.ts';
import { openEmbeddedLog, type EmbeddedLog } from '../../../platform/log/embedded/embedded-log.ts';
import { parseBatch, TopicLog } from '../../../platform/log/topic-log.ts';
import { EmbeddedSignals } from '../../../platform/signals/embedded-signals.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createCorrelateEvents } from '../../../services/correlate/events.ts';
import { createCorrelate } from '../../../services/correlate/service.ts';
import { tenantOf } from '../../engine/samples.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { acceptedReport, scoreOf, together } from '../../support/reports.ts';

const accepts = ['script', 'command-line', 'file'] as const;
const profile = (id: string): ClassifierProfile => ({
  id,
  version: '1',
  featureSchemaVersion: 1,
  tier: 'fast',
  accepts: [...accepts],
  baseRate: 0.5,
  threshold: 0.95,
});
const profiles = [profile('rules'), profile('behavior')];
const limits = { ...defaultLimits, joinDeadlineMs: 1500, changelogIntervalMs: 200 };

let database: TestDatabase;
let embedded: EmbeddedLog;
let log: TopicLog;
let running: Running | undefined;

beforeAll(async () => {
  database = await startTestDatabase();
  embedded = await openEmbeddedLog({ connection: database.owner });
  log = new TopicLog(embedded, 1);
  await log.createTopics();
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
});
afterAll(async () => {
  await embedded.close();
  await database.stop();
});

async function startCorrelator(): Promise<void> {
  const load = async (keys: readonly ArtifactKey[]) => {
    const latest = await embedded.latest(topics.signals.name, [...keys]);
    return new Map(
      keys.flatMap((key) => {
        const record = latest.get(key);
        if (record?.value == null) return [];
        const { state } = JSON.parse(Buffer.from(record.value).toString()) as { state: unknown };
        return [[key, { state, writtenMs: record.appendedAt }] as const];
      }),
    );
  };
  const { lookBackMs, signalRetentionMs: retentionMs } = limits;
  const signals = new EmbeddedSignals({ load, cacheEntries: 1000, lookBackMs, retentionMs });
  const events = createCorrelateEvents(createLogger({ name: 'test', level: 'silent' }), createMetrics());
  const { parts } = createCorrelate({
    log,
    signals,
    profiles,
    combiner: await readCombiner(),
    limits,
    writer: 'test',
    events,
    metrics: createMetrics(),
  });
  running = await startParts(parts);
}

async function all<Value>(topic: Topic<Value>): Promise<readonly Value[]> {
  const values: Value[] = [];
  for await (const batch of embedded.read({ topic: topic.name, partition: 0, offset: 0 })) {
    for (const { value } of parseBatch(topic, batch).records) if (value !== null) values.push(value);
  }
  return values;
}

const about = <Value extends { readonly artifactKey: string }>(values: readonly Value[], key: string) =>
  values.filter(({ artifactKey }) => artifactKey === key);
const entriesOf = (records: readonly VerdictRecord[], key: string) =>
  records.flatMap((record) => (record.kind === 'entry' && record.entry.key === key ? [record.entry] : []));

async function report(
  input: Pick<ReportInput, 'artifact'> & Partial<ReportInput>,
  probability: number | null,
  more: Parameters<typeof acceptedReport>[1] = {},
  content: number | null = null,
): Promise<AcceptedReport> {
  const accepted = acceptedReport(input, more);
  await log.append(topics.reports, [accepted]);
  if (probability !== null)
    await log.append(topics.scores, [
      together(...profiles.map(({ id }) => scoreOf(accepted, id, probability, content))),
    ]);
  return accepted;
}

const decisionsOn = (key: string, count: number) =>
  eventually(async () => {
    const found = about(await all(topics.decisions), key);
    return found.length >= count ? found : null;
  });

async function establish(...names: string[]): Promise<void> {
  await log.append(
    topics.control,
    names.map((name) => ({
      kind: 'tenant' as const,
      version: 1,
      tenantId: tenantOf(name),
      trust: 'established' as const,
    })),
  );
}

function fail(): never {
  throw new Error('There is no such file.');
}

/** What the content of a sample of the reported file says. */
function sampleFinding(accepted: AcceptedReport, probability: number): Finding {
  const { tenantId, deviceId, artifactKey, acceptedAt, report: reported } = accepted;
  return findingSchema.parse({
    ...{ id: randomUUID(), targetKey: artifactKey, relation: 'sample', tenantId, deviceId },
    ...{ reportId: reported.id, reportedAt: reported['@timestamp'], acceptedAt, foundAt: acceptedAt },
    score: scoreOf(accepted, 'content', probability, probability),
  });
}

const sha = (n: number) => n.toString(16).padStart(64, '0');

describe('the correlator', () => {
  test('a harmless report is answered for the device that asked, once', async () => {
    await startCorrelator();
    const { artifactKey } = await report({ artifact: { kind: 'file', hash: { sha256: sha(1) } } }, 0.1);
    const [decision] = await decisionsOn(artifactKey, 1);
    expect(decision).toMatchObject({
      verdict: 'no-threats-found',
      reach: 'device',
      end: 'complete',
      revision: 0,
      missing: [],
    });
    expect(about(await all(topics.answers), artifactKey)).toHaveLength(1);
  });

  test('content evidence becomes an entry for every organization that names none', async () => {
    await startCorrelator();
    const { artifactKey } = await report(
      { artifact: { kind: 'script', text: 'something very hostile' } },
      0.999,
      {},
      0.999,
    );
    await decisionsOn(artifactKey, 1);
    const [entry] = entriesOf(await all(topics.verdicts), artifactKey);
    expect(entry).toMatchObject({
      reach: 'ecosystem',
      verdict: 'malicious',
      revision: 1,
      reason: { code: 'content-evidence' },
    });
    expect(JSON.stringify(entry)).not.toContain(tenantOf('alpha'));
    expect(entry?.decidedAt).toMatch(/:00\.000Z$/);
  });

  test('a report without scores is decided at the deadline, and a late score makes a revision', async () => {
    await startCorrelator();
    const accepted = await report({ artifact: { kind: 'file', hash: { sha256: sha(2) } } }, null);
    const [first] = await decisionsOn(accepted.artifactKey, 1);
    expect(first).toMatchObject({
      end: 'deadline',
      missing: ['rules', 'behavior'],
      verdict: 'no-threats-found',
    });
    await log.append(topics.scores, [together(scoreOf(accepted, 'rules', 0.98))]);
    const decisions = await decisionsOn(accepted.artifactKey, 2);
    expect(decisions[1]).toMatchObject({
      end: 'revision',
      trigger: { kind: 'score', detail: 'rules@1' },
      verdict: 'malicious',
      reach: 'tenant',
    });
  });

  test('who waits is not told that nothing was found while classifiers are still to answer', async () => {
    await startCorrelator();
    const accepted = await report(
      { artifact: { kind: 'script', text: 'harmless, and heard late' }, localAction: 'held' },
      null,
      { awaited: true },
    );
    const [first] = await decisionsOn(accepted.artifactKey, 1);
    expect(first).toMatchObject({ end: 'deadline', verdict: 'no-threats-found' });
    expect(about(await all(topics.answers), accepted.artifactKey)).toEqual([]);
    const scores = profiles.map(({ id }) => scoreOf(accepted, id, 0.01));
    await log.append(topics.scores, [{ ...together(...scores), awaited: true, held: true }]);
    await decisionsOn(accepted.artifactKey, 2);
    expect(about(await all(topics.answers), accepted.artifactKey)).toMatchObject([
      { held: true, origin: { reportId: accepted.report.id } },
    ]);
  });

  test('scores that come late together are one revision, which holds what each says', async () => {
    await startCorrelator();
    const accepted = await report({ artifact: { kind: 'script', text: 'unheard for long' } }, null);
    await decisionsOn(accepted.artifactKey, 1);
    const late = together(scoreOf(accepted, 'rules', 0.98), scoreOf(accepted, 'behavior', 0.97));
    await log.append(topics.scores, [late]);
    const marker = await report({ artifact: { kind: 'file', hash: { sha256: sha(8) } } }, 0.1);
    await decisionsOn(marker.artifactKey, 1);
    const [, revision, ...more] = await decisionsOn(accepted.artifactKey, 2);
    expect(more).toEqual([]);
    expect(revision).toMatchObject({
      end: 'revision',
      trigger: { kind: 'score', detail: 'behavior@1, rules@1', acceptedAt: late.scores[0]?.scoredAt },
      verdict: 'malicious',
      scores: [{ classifier: 'rules' }, { classifier: 'behavior' }],
    });
  });

  test('a block is not kept waiting for an answer that cannot change it, and that answer changes nothing later', async () => {
    await startCorrelator();
    const accepted = await report({ artifact: { kind: 'script', text: 'hostile beyond doubt' } }, null);
    await log.append(topics.scores, [together(scoreOf(accepted, 'rules', 0.9999, 0.9999))]);
    const [decision] = await decisionsOn(accepted.artifactKey, 1);
    expect(decision).toMatchObject({
      end: 'settled',
      missing: ['behavior'],
      verdict: 'malicious',
      reach: 'ecosystem',
    });
    await log.append(topics.scores, [together(scoreOf(accepted, 'behavior', 0.01))]);
    const marker = await report({ artifact: { kind: 'file', hash: { sha256: sha(7) } } }, 0.1);
    await decisionsOn(marker.artifactKey, 1);
    expect(about(await all(topics.decisions), accepted.artifactKey)).toHaveLength(1);
  });

  test('a block that the missing answer could still take further waits for it', async () => {
    await startCorrelator();
    const accepted = await report({ artifact: { kind: 'script', text: 'hostile as far as told' } }, null);
    await log.append(topics.scores, [together(scoreOf(accepted, 'rules', 0.9999))]);
    await log.append(topics.scores, [together(scoreOf(accepted, 'behavior', 0.9999, 0.9999))]);
    const [decision] = await decisionsOn(accepted.artifactKey, 1);
    expect(decision).toMatchObject({ end: 'complete', reach: 'ecosystem' });
  });

  test('a condemned behaviour reopens the file that did it; two established organizations carry it to all', async () => {
    await establish('alpha', 'beta');
    await startCorrelator();
    const image = {
      executable: 'C:\\Users\\ann\\Downloads\\invoice.exe',
      hash: { sha256: sha(3) },
      entity_id: 'p1',
    };
    const parent = { executable: 'C:\\Windows\\explorer.exe', hash: { sha256: sha(4) } };
    const file = await report({ artifact: { kind: 'file', hash: { sha256: sha(3) } } }, 0.5, {
      tenant: 'alpha',
    });
    await decisionsOn(file.artifactKey, 1);
    for (const tenant of ['alpha', 'beta']) {
      await report(
        {
          artifact: { kind: 'command-line', text: `dump-secrets --for ${tenant}` },
          process: { ...image, parent },
        },
        0.97,
        { tenant },
      );
      await eventually(async () =>
        (await all(topics.evidence)).some((finding) => finding.tenantId === tenantOf(tenant)) ? true : null,
      );
      await eventually(async () =>
        entriesOf(await all(topics.verdicts), file.artifactKey).length >= (tenant === 'alpha' ? 1 : 2)
          ? true
          : null,
      );
    }
    const entries = entriesOf(await all(topics.verdicts), file.artifactKey);
    expect(entries.map(({ reach }) => reach)).toEqual(['tenant', 'ecosystem']);
    expect(entries[0]).toMatchObject({ reason: { code: 'behavior' }, action: 'block-and-remediate' });
    expect(entries[1]).toMatchObject({ reason: { code: 'tenant-consensus' } });
    expect((await all(topics.evidence)).some(({ targetKey }) => targetKey === `file:sha256:${sha(4)}`)).toBe(
      false,
    );
  });

  test('a behaviour that is condemned only by a score that came late reopens the file all the same', async () => {
    await startCorrelator();
    const image = {
      executable: 'C:\\Users\\ann\\Downloads\\late.exe',
      hash: { sha256: sha(10) },
      entity_id: 'p2',
    };
    const accepted = acceptedReport({
      artifact: { kind: 'command-line', text: 'dump-secrets --slowly' },
      process: image,
    });
    const [position] = await log.append(topics.reports, [accepted]);
    const [first] = await decisionsOn(accepted.artifactKey, 1);
    expect(first).toMatchObject({ end: 'deadline', verdict: 'no-threats-found' });
    await log.append(topics.scores, [
      { ...together(scoreOf(accepted, 'rules', 0.97)), ...(position && { reportOffset: position.offset }) },
    ]);
    const [decision] = await decisionsOn(`file:sha256:${sha(10)}`, 1);
    expect(decision).toMatchObject({ trigger: { kind: 'finding' }, verdict: 'malicious', reach: 'tenant' });
    const record = (await all(topics.verdicts)).find(
      (each) => each.kind === 'entry' && each.entry.key === accepted.artifactKey,
    );
    expect(record).toMatchObject({ origin: { processEntityId: 'p2' } });
  });

  test('a condemned sample reopens the file for everybody, once however often it comes; a doubtful one speaks in its tenant alone', async () => {
    await startCorrelator();
    const files = [sha(60), sha(61)].map((sha256) => ({
      artifact: { kind: 'file' as const, hash: { sha256 } },
    }));
    const [condemned, doubtful] = [
      await report(files[0] ?? fail(), 0.1),
      await report(files[1] ?? fail(), 0.1),
    ];
    await decisionsOn(doubtful.artifactKey, 1);
    await log.append(topics.evidence, [
      sampleFinding(condemned, 0.999),
      sampleFinding(condemned, 0.999),
      sampleFinding(doubtful, 0.93),
    ]);
    const reopened = await eventually(async () => {
      const found = entriesOf(await all(topics.verdicts), condemned.artifactKey);
      return found.length > 0 ? found : null;
    });
    expect(reopened).toMatchObject([
      { reach: 'ecosystem', action: 'block-and-remediate', reason: { code: 'content-evidence' } },
    ]);
    const suspected = await eventually(async () => {
      const found = entriesOf(await all(topics.verdicts), doubtful.artifactKey);
      return found.length > 0 ? found : null;
    });
    expect(suspected).toMatchObject([{ reach: 'tenant', verdict: 'suspicious' }]);
    const elsewhere = [
      await report(files[0] ?? fail(), 0.1, { tenant: 'other' }),
      await report(files[1] ?? fail(), 0.1, { tenant: 'other' }),
    ];
    await decisionsOn(elsewhere[1]?.artifactKey ?? '', 3);
    expect(entriesOf(await all(topics.verdicts), condemned.artifactKey)).toHaveLength(1);
    const told = about(await all(topics.decisions), doubtful.artifactKey).filter(
      ({ tenantId }) => tenantId === tenantOf('other'),
    );
    expect(told).toMatchObject([{ verdict: 'no-threats-found', reach: 'device' }]);
    expect(JSON.stringify(told)).not.toContain('score:content');
  });

  test('a restart replays what was not settled and publishes nothing twice', async () => {
    await startCorrelator();
    const { artifactKey } = await report(
      { artifact: { kind: 'script', text: 'hostile again' } },
      0.999,
      {},
      0.999,
    );
    await decisionsOn(artifactKey, 1);
    await running?.stop();
    const before = (await all(topics.verdicts)).length;
    const lag = await embedded.lag('correlate', [
      topics.reports.name,
      topics.scores.name,
      topics.evidence.name,
    ]);
    expect(lag.map((ref) => ref.lag)).toEqual([0, 0, 0]);
    await startCorrelator();
    const again = await report(
      { artifact: { kind: 'script', text: 'hostile again' } },
      0.999,
      { tenant: 'gamma' },
      0.999,
    );
    const marker = await report({ artifact: { kind: 'file', hash: { sha256: sha(9) } } }, 0.1);
    await decisionsOn(marker.artifactKey, 1);
    expect(again.artifactKey).toBe(artifactKey);
    expect((await all(topics.verdicts)).length).toBe(before);
  });

  test('what an earlier owner writes after it was replaced is overruled', async () => {
    await startCorrelator();
    const { artifactKey } = await report(
      { artifact: { kind: 'script', text: 'hostile, and disputed' } },
      0.999,
      {},
      0.999,
    );
    await decisionsOn(artifactKey, 1);
    const own = (await all(topics.verdicts)).find(
      (record) => record.kind === 'entry' && record.entry.key === artifactKey,
    );
    if (own?.kind !== 'entry') throw new Error('Nothing was decided.');
    const stale = { ...own, writer: 'ghost', entry: { ...own.entry, threatName: 'Trojan:Win32/Stale.A!ml' } };
    await log.append(topics.verdicts, [stale]);
    const entries = await eventually(async () => {
      const found = entriesOf(await all(topics.verdicts), artifactKey);
      return found.length >= 3 ? found : null;
    });
    expect(entries.map(({ revision }) => revision)).toEqual([1, 1, 2]);
    expect(entries[2]).toEqual({ ...own.entry, revision: 2 });
  });

  test('signals outlive a restart: what one process folded, the next one knows', async () => {
    await startCorrelator();
    const first = await report({ artifact: { kind: 'file', hash: { sha256: sha(5) } } }, 0.2, {
      tenant: 'alpha',
    });
    await decisionsOn(first.artifactKey, 1);
    await running?.stop();
    await startCorrelator();
    await report({ artifact: { kind: 'file', hash: { sha256: sha(5) } } }, 0.2, { tenant: 'beta' });
    const decisions = await decisionsOn(first.artifactKey, 2);
    expect(decisions[1]?.signals).toMatchObject({ devices: 2, tenants: 2 });
  });

  test('a record that cannot be read lies in the dead letters, and the partition goes on', async () => {
    await startCorrelator();
    await embedded.append(topics.reports.name, [
      { key: 'x', partition: 0, value: Buffer.from('{"not":"a report"}') },
    ]);
    const { artifactKey } = await report({ artifact: { kind: 'file', hash: { sha256: sha(6) } } }, 0.1);
    await decisionsOn(artifactKey, 1);
    const [letter] = await all(topics.deadLetters);
    expect(letter).toMatchObject({ topic: 'reports.v1', group: 'correlate', code: 'FB_RECORD_UNREADABLE' });
    expect(Buffer.from(letter?.valueBase64 ?? '', 'base64').toString()).toBe('{"not":"a report"}');
  });
});
