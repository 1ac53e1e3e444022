import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { subjectKey, type Subject } from '../../../contracts/canonical.ts';
import type { Entry } from '../../../contracts/entry.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import { reportIdSchema, toTimestamp } from '../../../contracts/ids.ts';
import { defaultPolicy } from '../../../contracts/policy.ts';
import type { ControlRecord, VerdictRecord } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import { decodeCursor } from '../../../engine/stream/cursor.ts';
import { catchUp } from '../../../services/publish/catch-up.ts';
import { checkpointFrame } from '../../../services/publish/flush.ts';
import { Publisher } from '../../../services/publish/publisher.ts';
import { PublishedState } from '../../../services/publish/published-state.ts';
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
import { silentPublishEvents } from '../../support/publish-events.ts';
import { StreamReader } from '../../support/stream-reader.ts';
import { StateModel } from './state-model.ts';

const logIdentity = 'log';
const nowMs = 1_790_000_000_000;
const callers: readonly Caller[] = [
  { tenantId: tenantA, deviceId: deviceA1 },
  { tenantId: tenantA, deviceId: deviceA2 },
  { tenantId: tenantB, deviceId: deviceB1 },
];
const subjects: readonly Subject[] = [
  ecosystem,
  { tenantId: tenantA, deviceId: null },
  { tenantId: tenantA, deviceId: deviceA1 },
  { tenantId: tenantB, deviceId: deviceB1 },
];
const allTargets = [
  { all: true },
  { deviceIds: [deviceA1] },
  { deviceIds: [deviceA2] },
  { deviceIds: [deviceA1, deviceA2] },
];

type Step =
  | {
      readonly do: 'block' | 'revoke' | 'bury';
      readonly number: number;
      readonly revision: number;
      readonly subject: number;
    }
  | {
      readonly do: 'own' | 'own-revoke' | 'own-bury';
      readonly number: number;
      readonly version: number;
      readonly targets: number;
    }
  | { readonly do: 'policy'; readonly version: number }
  | { readonly do: 'flush' }
  | { readonly do: 'connect' | 'cut' | 'begin'; readonly agent: number };

const number = fc.nat(4);
const revision = fc.integer({ min: 1, max: 12 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('block', 'block', 'revoke', 'bury'),
    number,
    revision,
    subject: fc.nat(3),
  }),
  fc.record({
    do: fc.constantFrom('own', 'own', 'own-revoke', 'own-bury'),
    number,
    version: revision,
    targets: fc.nat(3),
  }),
  fc.record({ do: fc.constant('policy'), version: revision }),
  fc.record({ do: fc.constant('flush') }),
  fc.record({ do: fc.constant('flush') }),
  fc.record({ do: fc.constantFrom('connect', 'connect', 'cut', 'begin'), agent: fc.nat(2) }),
);

function verdictRecord(step: Extract<Step, { subject: number }>): VerdictRecord {
  const subject = subjects[step.subject] ?? ecosystem;
  const entry = decidedEntry(step.number, step.revision, subject);
  const origin = { tenantId: tenantA, deviceId: deviceA1, reportId: reportIdSchema.parse(deviceA1) };
  if (step.do === 'block') return { kind: 'entry', subject, entry, origin, writer: 'w' };
  const revocation = revocationOf(entry, step.revision);
  return { kind: 'revocation', subject, revocation, keepUntil: toTimestamp(nowMs), writer: 'w' };
}

function ownRecord(step: Extract<Step, { targets: number }>): ControlRecord {
  const { number: which, version } = step;
  const entry = ownEntry(which, version, { targets: allTargets[step.targets] });
  if (step.do === 'own') return { kind: 'own-entry', tenantId: tenantA, version, entry };
  const revocation = revocationOf(entry, version);
  return { kind: 'own-revocation', tenantId: tenantA, version, revocation, keepUntil: toTimestamp(nowMs) };
}

/** One agent over its connections: what it holds, and the live one's reader. */
class Agent {
  readonly caller: Caller;
  reader = new StreamReader({ entries: new Map(), cursor: undefined });
  connection: Connection | undefined;
  faults: string[] = [];

  constructor(caller: Caller) {
    this.caller = caller;
  }
}

class Connection {
  readonly caller: Caller;
  readonly #agent: Agent;
  readonly #world: World;
  owesCheckpoint = false;
  ended = false;

  constructor(agent: Agent, world: World) {
    this.caller = agent.caller;
    this.#agent = agent;
    this.#world = world;
  }

  receive(body: Buffer | string): void {
    if (this.ended) return;
    const text = body.toString();
    this.#agent.faults.push(...orderFaults(text));
    this.#agent.reader.take(text);
  }

  async drained(): Promise<void> {
    await Promise.resolve();
  }

  goLive(): void {
    const { publisher, state } = this.#world;
    publisher.listeners.add(this);
    this.owesCheckpoint = !publisher.settle();
    if (!this.owesCheckpoint) this.receive(checkpointFrame(state, this.caller, publisher.cursor, nowMs));
  }

  resync(reason: string): void {
    this.#agent.faults.push(`resync ${reason}`);
  }

  offboard(): void {
    this.ended = true;
  }

  dismiss(): void {
    this.ended = true;
  }
}

class World {
  readonly state = new PublishedState({ partitions: 1, tombstoneDelayMs: 8, originsKept: 100 });
  readonly publisher = new Publisher({
    state: this.state,
    limits: { ...defaultLimits, flushIntervalMs: 0 },
    logIdentity,
    events: silentPublishEvents,
    now: () => nowMs,
    random: () => 0,
    dismissOverMs: 0,
  });
  readonly model = new StateModel();
  readonly agents = callers.map((caller) => new Agent(caller));
  readonly #ends = [0, 0];

  async do(step: Step): Promise<void> {
    switch (step.do) {
      case 'block':
      case 'revoke':
      case 'bury':
        this.#verdict(step);
        return;
      case 'own':
      case 'own-revoke':
      case 'own-bury':
        this.#control(topics.control.keyOf(ownRecord(step)), step.do === 'own-bury' ? null : ownRecord(step));
        return;
      case 'policy': {
        const { version } = step;
        const policy = { ...defaultPolicy, revision: version };
        this.#control(`policy:${tenantA}`, { kind: 'policy', tenantId: tenantA, version, policy });
        return;
      }
      case 'flush':
        this.publisher.changed(nowMs);
        return;
      case 'connect':
      case 'begin':
        await this.#connect(step.agent, step.do === 'begin');
        return;
      case 'cut':
        this.#disconnect(step.agent);
        return;
    }
  }

  async finish(): Promise<void> {
    for (const index of this.agents.keys()) await this.#connect(index, false);
    this.publisher.changed(nowMs);
  }

  #verdict(step: Extract<Step, { subject: number }>): void {
    const subject = subjects[step.subject] ?? ecosystem;
    const key = `${decidedEntry(step.number).key} ${subjectKey(subject)}`;
    const value = step.do === 'bury' ? null : verdictRecord(step);
    this.state.applyVerdict({ key, value, mark: this.#mark(0), appendedAt: nowMs });
    this.model.verdict(key, value);
  }

  #control(key: string, value: ControlRecord | null): void {
    this.state.applyControl({ key, value, mark: this.#mark(1), appendedAt: nowMs });
    this.model.control(key, value);
  }

  #mark(partition: number): { partition: number; offset: number } {
    const offset = this.#ends[partition] ?? 0;
    this.#ends[partition] = offset + 1;
    this.state.advance(partition, offset + 1);
    return { partition, offset };
  }

  #disconnect(index: number): void {
    const agent = this.agents[index];
    if (agent?.connection === undefined) return;
    agent.connection.ended = true;
    this.publisher.listeners.remove(agent.connection);
    agent.connection = undefined;
  }

  async #connect(index: number, afresh: boolean): Promise<void> {
    const agent = this.agents[index];
    if (agent === undefined) return;
    this.#disconnect(index);
    agent.faults.push(...agent.reader.faults);
    agent.reader = new StreamReader(afresh ? { entries: new Map(), cursor: undefined } : agent.reader);
    agent.connection = new Connection(agent, this);
    const cursor = agent.reader.cursor === undefined ? null : decodeCursor(agent.reader.cursor, logIdentity);
    await catchUp(agent.connection, cursor?.offsets ?? [0, 0], this);
  }
}

/** What is wrong with the order within one flush. */
function orderFaults(text: string): readonly string[] {
  const firstEntry = text.indexOf('event: entry');
  const late = firstEntry >= 0 && text.lastIndexOf('event: revocation') > firstEntry;
  const ids = [...text.matchAll(/^data: \{"id":"([^"]+)"/gmu)].map(([, id]) => id);
  const twice = new Set(ids).size < ids.length;
  return [...(late ? ['a revocation after an entry'] : []), ...(twice ? ['an entry twice in a flush'] : [])];
}

/** Entries in order, without what only the reporting device sees. */
function plain(entries: ReadonlyMap<string, Entry>): readonly unknown[] {
  return [...entries.values()]
    .map((entry) => ({ ...entry, reportId: undefined, target: undefined }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** An own entry whose id was buried comes back at its first revision, for one device. */
const reborn: Step[] = [
  { do: 'own', number: 0, version: 1, targets: 0 },
  { do: 'own-bury', number: 0, version: 1, targets: 0 },
  { do: 'own', number: 0, version: 1, targets: 1 },
];

describe('streams', () => {
  test('no change is missed or doubled, and every checkpoint is what the subscriber holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 120 }), async (steps) => {
        const world = new World();
        for (const step of steps) await world.do(step);
        await world.finish();
        for (const agent of world.agents) {
          expect([...agent.faults, ...agent.reader.faults]).toEqual([]);
          expect(plain(agent.reader.entries)).toEqual(plain(world.model.entriesOf(agent.caller)));
        }
      }),
      { numRuns: 300, examples: [[reborn]] },
    );
  });
});
