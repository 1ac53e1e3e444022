import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { subjectKey } from '../../../contracts/canonical.ts';
import { entrySchema, type Entry } from '../../../contracts/entry.ts';
import { reportIdSchema, toTimestamp } from '../../../contracts/ids.ts';
import { snapshotEndSchema } from '../../../contracts/stream.ts';
import type { ControlRecord, VerdictRecord } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import type { Caller } from '../../../services/publish/scope.ts';
import {
  decidedEntry,
  deviceA1,
  deviceA2,
  deviceB1,
  ecosystem,
  ownEntry,
  revocationOf,
  tenantA,
  tenantB,
} from '../../support/entries.ts';
import { eventually } from '../../support/eventually.ts';
import { startPublishServer, tokenOf, type PublishServer } from '../../support/publish-server.ts';
import { StreamReader } from '../../support/stream-reader.ts';
import { StateModel } from './state-model.ts';

const callers: readonly Caller[] = [
  { tenantId: tenantA, deviceId: deviceA1 },
  { tenantId: tenantA, deviceId: deviceA2 },
  { tenantId: tenantB, deviceId: deviceB1 },
];
const subjects = [
  ecosystem,
  { tenantId: tenantA, deviceId: null },
  { tenantId: tenantA, deviceId: deviceA1 },
  { tenantId: tenantB, deviceId: null },
];
const targets = [{ all: true }, { deviceIds: [deviceA1] }, { deviceIds: [deviceA2, deviceA1] }];
const batches = 100;
const agentCount = 12;

let server: PublishServer;

beforeAll(async () => {
  server = await startPublishServer({ limits: { flushIntervalMs: 5 } });
});

afterAll(async () => {
  await server.stop();
});

/** Repeatable numbers out of a seed, for the schedule; the seed is in the message of a failure. */
function numbersOf(seed: number): (below: number) => number {
  const [source] = fc.sample(fc.infiniteStream(fc.nat(0x3fffffff)), { seed, numRuns: 1 });
  return (below) => Number(source?.next().value ?? 0) % below;
}

class Writer {
  readonly model = new StateModel();
  readonly #random: (below: number) => number;
  #revision = 0;

  constructor(random: (below: number) => number) {
    this.#random = random;
  }

  async write(): Promise<void> {
    const verdicts = Array.from({ length: 1 + this.#random(20) }, () => this.#verdict());
    await server.topicLog.append(topics.verdicts, verdicts);
    for (const record of verdicts) this.model.verdict(topics.verdicts.keyOf(record), record);
    const control = Array.from({ length: this.#random(3) }, () => this.#own());
    await server.topicLog.append(topics.control, control);
    for (const record of control) this.model.control(topics.control.keyOf(record), record);
    if (this.#random(4) === 0) await this.#bury();
  }

  #verdict(): VerdictRecord {
    const subject = subjects[this.#random(subjects.length)] ?? ecosystem;
    this.#revision += 1;
    const entry = decidedEntry(this.#random(40), Math.max(1, this.#revision - this.#random(3)), subject);
    if (this.#random(3) > 0) {
      const origin = { tenantId: tenantA, deviceId: deviceA1, reportId: reportIdSchema.parse(entry.id) };
      return { kind: 'entry', subject, entry, origin, writer: 'w' };
    }
    const revocation = revocationOf(entry, entry.revision);
    return { kind: 'revocation', subject, revocation, keepUntil: toTimestamp(0), writer: 'w' };
  }

  #own(): ControlRecord {
    this.#revision += 1;
    const version = this.#revision;
    const entry = ownEntry(this.#random(6), version, { targets: targets[this.#random(targets.length)] });
    if (this.#random(3) > 0) return { kind: 'own-entry', tenantId: tenantA, version, entry };
    const revocation = revocationOf(entry, version);
    return { kind: 'own-revocation', tenantId: tenantA, version, revocation, keepUntil: toTimestamp(0) };
  }

  async #bury(): Promise<void> {
    const subject = subjects[this.#random(subjects.length)] ?? ecosystem;
    const place = decidedEntry(this.#random(40), 1, subject).key;
    const key = `${place} ${subjectKey(subject)}`;
    await server.topicLog.bury(topics.verdicts, [{ key, place }]);
    this.model.verdict(key, null);
  }
}

/** Connects, is cut, connects again, and remembers every fault that any connection showed. */
class Agent {
  readonly caller: Caller;
  readonly faults: string[] = [];
  reader = new StreamReader({ entries: new Map(), cursor: undefined });
  connections = 0;
  #cut: () => void = () => undefined;

  constructor(caller: Caller) {
    this.caller = caller;
  }

  get(path: string, headers: Record<string, string>, onText: (text: string) => void): Promise<void> {
    return new Promise((resolve) => {
      const sent = request(
        server.url + path,
        { agent: false, headers: { authorization: `Bearer ${tokenOf(this.caller)}`, ...headers } },
        (response) => {
          response.setEncoding('utf8');
          response.on('data', onText);
          response.on('close', resolve);
        },
      );
      sent.on('error', () => resolve());
      sent.end();
      this.#cut = () => sent.destroy();
    });
  }

  async takeSnapshot(): Promise<void> {
    let text = '';
    await this.get('/v1/snapshot', {}, (chunk) => {
      text += chunk;
    });
    const lines = text.trimEnd().split('\n');
    const end = snapshotEndSchema.safeParse(JSON.parse(lines.pop() ?? '{}'));
    if (!end.success) return;
    const entries = lines.map((line): [string, Entry] => {
      const entry = entrySchema.parse(JSON.parse(line));
      return [entry.id, entry];
    });
    this.reader = new StreamReader({ entries: new Map(entries), cursor: end.data.end.cursor });
  }

  connect(): void {
    this.cut();
    const reader = new StreamReader(this.reader);
    this.reader = reader;
    this.connections += 1;
    void this.get('/v1/stream', { 'last-event-id': reader.cursor ?? '' }, (text) => reader.take(text));
  }

  cut(): void {
    this.#cut();
    this.faults.push(...this.reader.faults.splice(0));
  }
}

const plain = (entries: ReadonlyMap<string, Entry>): readonly string[] =>
  [...entries.values()].map(({ id, revision }) => `${id} ${revision}`).sort();

test('under write pressure, with connections cut at any time, nobody misses or doubles a change', async () => {
  const seed = Date.now() % 1_000_000;
  const random = numbersOf(seed);
  const writer = new Writer(random);
  const agents = Array.from({ length: agentCount }, (_, number) => {
    const [first, second, third] = callers;
    return new Agent([first, second, third][number % 3] ?? { tenantId: tenantA, deviceId: deviceA1 });
  });
  await writer.write();
  await Promise.all(agents.map((agent) => agent.takeSnapshot()));
  for (const agent of agents) agent.connect();
  for (let batch = 0; batch < batches; batch += 1) {
    await writer.write();
    const agent = agents[random(agents.length)];
    if (agent === undefined) continue;
    const chance = random(10);
    if (chance === 0) {
      agent.cut();
      await agent.takeSnapshot();
      agent.connect();
    } else if (chance < 7) agent.connect();
    if (random(20) === 0) await sleep(10);
  }
  for (const agent of agents) agent.connect();
  const waiting = async (): Promise<readonly unknown[]> =>
    agents.filter(
      ({ caller, reader }) => plain(reader.entries).join() !== plain(writer.model.entriesOf(caller)).join(),
    );
  await eventually(async () => ((await waiting()).length === 0 ? true : null)).catch(() => undefined);
  for (const agent of agents) agent.cut();
  const outcome = agents.map(({ caller, reader, faults }) => ({
    faults,
    holds: plain(reader.entries),
    owed: plain(writer.model.entriesOf(caller)),
  }));
  for (const { faults, holds, owed } of outcome)
    expect({ seed, faults, holds }).toEqual({ seed, faults: [], holds: owed });
  expect(agents.reduce((sum, { connections }) => sum + connections, 0)).toBeGreaterThan(agentCount * 2);
}, 120_000);
