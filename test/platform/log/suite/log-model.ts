import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Consumer, StoredRecord } from '../../../../platform/log/log.ts';
import { collect, eventually, keysOf, numbered, readAll, type LogFixture } from './fixture.ts';

/** What a log of one partition with one group of at most one member is, in the simplest terms. */
export class LogModel {
  readonly records: { readonly key: string; readonly offset: number }[] = [];
  start = 0;
  committed: number | undefined;
  /** `from`: the offset of the last join or seek. `pausedAt`: how many records there were at the pause. */
  member: { from: number; hasSought: boolean; pausedAt: number | undefined } | undefined;

  get kept(): readonly { readonly key: string; readonly offset: number }[] {
    return this.records.filter(({ offset }) => offset >= this.start);
  }

  /** The offset a share of the way through the records. */
  offsetAt(share: number): number | undefined {
    return this.kept[Math.floor(share * this.kept.length)]?.offset;
  }
}

export interface RealLog {
  readonly fixture: LogFixture;
  readonly topic: string;
  member: { readonly consumer: Consumer; readonly seen: StoredRecord[] } | undefined;
}

type Command = fc.AsyncCommand<LogModel, RealLog>;

/** A share of 1 is rounded down to a record that exists. */
const share = fc.double({ min: 0, max: 0.999, noNaN: true });

export function logCommands(): fc.Arbitrary<Command>[] {
  return [
    fc.integer({ min: 1, max: 40 }).map(append),
    fc.constant(command('join', (model) => model.member === undefined, join)),
    fc.constant(command('leave without a commit', (model) => model.member !== undefined, leave)),
    share.map(commit),
    share.map(seek),
    fc.constant(
      command('pause', (model) => model.member?.pausedAt === undefined && model.member !== undefined, pause),
    ),
    fc.constant(command('resume', (model) => model.member?.pausedAt !== undefined, resume)),
    fc.constant(command('drain', (model) => model.member !== undefined, drain)),
    fc.constant(command('read', () => true, readBack)),
    share.map(deleteBefore),
    fc.constant(
      command(
        'disturb',
        () => true,
        (_, real) => real.fixture.disturb(),
      ),
    ),
    fc.constant(command('restart', () => true, restart)),
  ];
}

export async function stopMember(real: RealLog): Promise<void> {
  await real.member?.consumer.stop();
  real.member = undefined;
}

function command(
  name: string,
  check: (model: LogModel) => boolean,
  run: (model: LogModel, real: RealLog) => Promise<void>,
): Command {
  return { check: (model) => check(model), run, toString: () => name };
}

function append(count: number): Command {
  return command(
    `append ${count}`,
    () => true,
    async (model, { fixture, topic }) => {
      const records = numbered(model.records.length, count);
      const positions = await fixture.log.append(topic, records);
      records.forEach(({ key }, index) =>
        model.records.push({ key, offset: positions[index]?.offset ?? NaN }),
      );
    },
  );
}

async function join(model: LogModel, real: RealLog): Promise<void> {
  real.member = await collect(real.fixture.log, `${real.topic}-g`, real.topic, { maxBatchRecords: 9 });
  const committed = model.committed ?? model.start;
  model.member = { from: Math.max(committed, model.start), hasSought: false, pausedAt: undefined };
}

async function leave(model: LogModel, real: RealLog): Promise<void> {
  await stopMember(real);
  model.member = undefined;
}

function commit(at: number): Command {
  const isPossible = (model: LogModel): boolean =>
    model.member !== undefined && model.offsetAt(at) !== undefined;
  return command(`commit ${at}`, isPossible, async (model, { topic, member }) => {
    const offset = model.offsetAt(at) ?? NaN;
    member?.consumer.commit({ topic, partition: 0, offset });
    model.committed = offset;
  });
}

function seek(at: number): Command {
  const isPossible = (model: LogModel): boolean =>
    model.member !== undefined && model.offsetAt(at) !== undefined;
  return command(`seek ${at}`, isPossible, async (model, { topic, member }) => {
    const offset = model.offsetAt(at) ?? NaN;
    member?.consumer.seek({ topic, partition: 0, offset });
    Object.assign(model.member ?? {}, { from: offset, hasSought: true });
  });
}

async function pause(model: LogModel, { topic, member }: RealLog): Promise<void> {
  member?.consumer.pause([{ topic, partition: 0 }]);
  Object.assign(model.member ?? {}, { pausedAt: model.records.length });
}

async function resume(model: LogModel, { topic, member }: RealLog): Promise<void> {
  member?.consumer.resume([{ topic, partition: 0 }]);
  Object.assign(model.member ?? {}, { pausedAt: undefined });
}

async function drain(model: LogModel, { fixture, member }: RealLog): Promise<void> {
  const state = model.member;
  if (state === undefined || member === undefined) return;
  if (state.pausedAt !== undefined) {
    const later = new Set(keysOf(model.records.slice(state.pausedAt)));
    expect(keysOf(member.seen).filter((key) => later.has(key))).toEqual([]);
    return;
  }
  const wanted = keysOf(model.kept.filter(({ offset }) => offset >= state.from));
  await eventually(
    () => expect(keysOf(member.seen).slice(-wanted.length || Infinity)).toEqual(wanted),
    fixture.patienceMs,
  );
  if (!state.hasSought)
    expect(Math.min(...member.seen.map(({ offset }) => offset))).toBeGreaterThanOrEqual(state.from);
}

async function readBack(model: LogModel, { fixture, topic }: RealLog): Promise<void> {
  expect(keysOf(await readAll(fixture.log, topic))).toEqual(keysOf(model.kept));
}

/** Only while nobody reads: what a reader does that is overtaken stands in a test of its own. */
function deleteBefore(at: number): Command {
  const isPossible = (model: LogModel): boolean =>
    model.member === undefined && model.offsetAt(at) !== undefined;
  return command(`delete before ${at}`, isPossible, async (model, { fixture, topic }) => {
    const offset = model.offsetAt(at) ?? NaN;
    await fixture.log.deleteBefore({ topic, partition: 0, offset });
    model.start = Math.max(model.start, offset);
  });
}

async function restart(model: LogModel, real: RealLog): Promise<void> {
  await stopMember(real);
  model.member = undefined;
  await real.fixture.restart();
}
