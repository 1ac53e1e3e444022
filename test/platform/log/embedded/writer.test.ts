import { describe, expect, test } from '@jest/globals';
import {
  StoreFailure,
  type BatchStore,
  type Flush,
  type StoredEnd,
} from '../../../../platform/log/embedded/batch-store.ts';
import { sizeRecord } from '../../../../platform/log/embedded/frame.ts';
import { GroupOffsets } from '../../../../platform/log/embedded/group-offsets.ts';
import { Partition } from '../../../../platform/log/embedded/partition.ts';
import { Writer, type WriterEvent, type WriterOptions } from '../../../../platform/log/embedded/writer.ts';
import { eventually, Gate } from '../suite/fixture.ts';

type Outcome = 'written' | 'lost-after-writing' | 'lost-before-writing' | 'refused' | 'fenced';

/** What the writer asks of a store, as told beforehand. */
class ScriptedStore implements Pick<BatchStore, 'write' | 'recover'> {
  readonly flushes: Flush[] = [];
  readonly outcomes: Outcome[] = [];
  readonly ends = new Map<number, number>();
  attempts = 0;
  isAway = false;
  gate: Gate | undefined;

  async write(flush: Flush): Promise<void> {
    this.attempts++;
    await this.gate?.passed;
    const outcome = this.outcomes.shift() ?? 'written';
    if (outcome === 'lost-before-writing') throw new StoreFailure('lost', outcome);
    if (outcome === 'refused' || outcome === 'fenced') throw new StoreFailure(outcome, outcome);
    for (const { partition, base, end } of flush.batches) {
      expect(base).toBe(this.ends.get(partition) ?? 0);
      this.ends.set(partition, end);
    }
    this.flushes.push(flush);
    if (outcome === 'lost-after-writing') throw new StoreFailure('lost', outcome);
  }

  async recover(): Promise<readonly StoredEnd[]> {
    if (this.isAway) throw new StoreFailure('lost', 'still away');
    return [...this.ends].map(([partition, end]) => ({ topicId: 1, partition, end, appendedAt: 0 }));
  }
}

function setUp(options: Partial<WriterOptions> = {}) {
  const store = new ScriptedStore();
  const offsets = new GroupOffsets();
  const events: WriterEvent[] = [];
  const writer = new Writer(store, offsets, {
    now: () => 1_000,
    maxQueueBytes: 1_000_000,
    maxFlushBytes: 100_000,
    tailBytes: 1_000_000,
    commitDelayMs: 5,
    patienceMs: 10_000,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const partition = new Partition('topic', 1, 0, false);
  const append = (count = 1, bytes = 10) =>
    writer.append(
      Array.from({ length: count }, () => ({
        partition,
        sized: sizeRecord({ key: 'k', partition: 0, value: new Uint8Array(bytes) }, 1_000_000),
      })),
    );
  return { store, offsets, events, writer, partition, append };
}

const offsetsOf = (positions: readonly { readonly offset: number }[]) =>
  positions.map(({ offset }) => offset);

describe('the writer', () => {
  test('commits together what queued while the last commit was under way', async () => {
    const { store, append } = setUp();
    store.gate = new Gate();
    const first = append();
    await eventually(() => expect(store.attempts).toBe(1), 5_000);
    const others = Array.from({ length: 20 }, () => append());
    store.gate.open();
    expect(offsetsOf(await first)).toEqual([0]);
    expect((await Promise.all(others)).flatMap(offsetsOf)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    expect(store.flushes).toHaveLength(2);
  });

  test('splits what is too much for one flush, between calls', async () => {
    const { store, append } = setUp({ maxFlushBytes: 2_500 });
    await Promise.all(Array.from({ length: 6 }, () => append(1, 1_000)));
    expect(store.flushes.map(({ batches }) => batches[0]?.end)).toEqual([2, 4, 6]);
  });

  test('shows a record to readers only after its commit', async () => {
    const { store, append, partition } = setUp();
    store.gate = new Gate();
    const appending = append();
    await eventually(() => expect(store.attempts).toBe(1), 5_000);
    expect(partition.end).toBe(0);
    expect(partition.take(0, 10, 1_000)).toBeUndefined();
    store.gate.open();
    await appending;
    expect(partition.take(0, 10, 1_000)).toHaveLength(1);
  });

  test('a write that came through although its answer did not is not written again', async () => {
    const { store, append, partition, events } = setUp();
    store.outcomes.push('lost-after-writing');
    expect(offsetsOf(await append(3))).toEqual([0, 1, 2]);
    expect(offsetsOf(await append())).toEqual([3]);
    expect(store.flushes).toHaveLength(2);
    expect(partition.end).toBe(4);
    expect(events.map(({ kind }) => kind)).toEqual(['away', 'back']);
  });

  test('a write that did not come through is written again, at the same offsets', async () => {
    const { store, append } = setUp();
    store.outcomes.push('lost-before-writing', 'lost-before-writing');
    expect(offsetsOf(await append(3))).toEqual([0, 1, 2]);
    expect(store.attempts).toBe(3);
    expect(store.flushes).toHaveLength(1);
  });

  test('a refused write fails its callers alone, and leaves no gap', async () => {
    const { store, append, events } = setUp();
    store.outcomes.push('refused');
    await expect(append()).rejects.toMatchObject({ code: 'FB_LOG_UNAVAILABLE', retryable: true });
    expect(offsetsOf(await append())).toEqual([0]);
    expect(events).toMatchObject([{ kind: 'refused' }]);
  });

  test('while the store is away appends wait, then are refused, and afterwards are taken again', async () => {
    const { store, append, partition } = setUp({ patienceMs: 30 });
    store.outcomes.push('lost-before-writing');
    store.isAway = true;
    const doubted = append();
    await expect(doubted).rejects.toMatchObject({ code: 'FB_LOG_UNAVAILABLE' });
    await expect(append()).rejects.toMatchObject({ code: 'FB_LOG_UNAVAILABLE' });
    store.isAway = false;
    await eventually(async () => expect(offsetsOf(await append())).toEqual([0]), 5_000);
    expect(partition.end).toBe(1);
  });

  test('a write that was given up but had come through keeps its offsets', async () => {
    const { store, append, partition } = setUp({ patienceMs: 30 });
    store.outcomes.push('lost-after-writing');
    store.isAway = true;
    await expect(append(2)).rejects.toMatchObject({ code: 'FB_LOG_UNAVAILABLE' });
    store.isAway = false;
    await eventually(async () => expect(offsetsOf(await append())).toEqual([2]), 5_000);
    expect(partition.take(0, 10, 1_000)).toHaveLength(3);
  });

  test('after another writer took over nothing is taken any more', async () => {
    const { store, append, events, writer } = setUp();
    store.outcomes.push('fenced');
    await expect(append()).rejects.toMatchObject({ code: 'FB_LOG_FENCED', retryable: false });
    await expect(append()).rejects.toMatchObject({ code: 'FB_LOG_FENCED' });
    await expect(writer.commit({ group: 'g', topicId: 1, partition: 0, offset: 0 })).rejects.toMatchObject({
      code: 'FB_LOG_FENCED',
    });
    expect(events).toEqual([{ kind: 'fenced' }]);
  });

  test('the queue is bounded, but a single call is never too large for it', async () => {
    const { store, append } = setUp({ maxQueueBytes: 5_000 });
    store.gate = new Gate();
    const first = append(10, 1_000);
    await eventually(() => expect(store.attempts).toBe(1), 5_000);
    const second = append(4, 1_000);
    await expect(append(1, 1_000)).rejects.toMatchObject({ code: 'FB_LOG_FULL', retryable: true });
    store.gate.open();
    expect((await Promise.all([first, second])).flat()).toHaveLength(14);
    expect(await append()).toHaveLength(1);
  });

  test('commits ride with the next flush; without one they make their own', async () => {
    const { store, append, offsets, writer } = setUp();
    const commit = (offset: number) => writer.commit({ group: 'g', topicId: 1, partition: 0, offset });
    await Promise.all([commit(1), commit(2), append()]);
    expect(store.flushes).toHaveLength(1);
    expect(store.flushes[0]?.commits).toEqual([{ group: 'g', topicId: 1, partition: 0, offset: 2 }]);
    expect(offsets.committed('g', 1, 0)).toBe(2);
    await commit(3);
    expect(offsets.committed('g', 1, 0)).toBe(3);
    expect(store.flushes).toHaveLength(2);
  });

  test('closing writes what is queued', async () => {
    const { store, append, writer } = setUp();
    const appending = append(2);
    await writer.close();
    expect(offsetsOf(await appending)).toEqual([0, 1]);
    expect(store.flushes).toHaveLength(1);
    await expect(append()).rejects.toMatchObject({ code: 'FB_NOT_READY' });
  });

  test('closing while the store is away ends with the patience', async () => {
    const { store, append, writer } = setUp({ patienceMs: 30 });
    store.outcomes.push('lost-before-writing');
    store.isAway = true;
    const refused = expect(append()).rejects.toMatchObject({ code: 'FB_LOG_UNAVAILABLE' });
    await eventually(() => expect(store.attempts).toBe(1), 5_000);
    await writer.close();
    await refused;
  });
});
