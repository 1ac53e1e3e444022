import { randomUUID } from 'node:crypto';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { FirebreakError } from '../../contracts/errors.ts';
import type { ArtifactSignals, SignalStep } from '../../contracts/signals.ts';
import { place } from '../log/place.ts';
import { RedisConnection, unavailable, type Pipeline, type RedisNotice } from './redis-connection.ts';
import {
  queueBeginRestore,
  queueCheckMarker,
  queueDump,
  queueFold,
  queueSetMarker,
  readDump,
  readFold,
  textOf,
  type ArtifactKeys,
  type FoldOptions,
} from './redis-scripts.ts';
import { ArtifactView, decodeDumped, encodeDumped, encodeStep, type EncodedStep } from './redis-state.ts';
import type { RedisTarget } from './redis-target.ts';
import { parseDumped, type DumpedState } from './signal-state.ts';
import type { RestoredState, Signals } from './signals.ts';

export interface RedisSignalsOptions {
  readonly target: RedisTarget;
  /** Partitions of the topics that are placed by artifact: the changelog of one is restored and lost as a whole. */
  readonly partitions: number;
  readonly lookBackMs: number;
  /** How long an artifact is known that nothing is folded of. */
  readonly retentionMs: number;
  /** What all keys begin with, so that several services may share a server. Default `firebreak`. */
  readonly namespace?: string;
  /** Default 1 s each. */
  readonly connectTimeoutMs?: number;
  readonly commandTimeoutMs?: number;
  readonly onNotice?: (notice: RedisNotice) => void;
}

/** What goes in one round trip, so that it ends within a fraction of the time for commands even where artifacts are full. */
const foldedAtOnce = 256;
const dumpedAtOnce = 32;
const restoredEntriesAtOnce = 4096;

/**
 * Signals in Redis: standalone, under Sentinel, or a cluster. fold.lua says how an artifact lies there.
 *
 * Each log partition has a marker: the run id of the server on which its owner completed it. It is gone when the
 * server was emptied, and not that of the server when another one took over or it began from an older snapshot. The
 * check stands before the work in the same round trip and takes an invalid marker away; the work finds none then.
 *
 * All keys of an artifact expire together; markers do not.
 */
export class RedisSignals implements Signals {
  readonly #options: RedisSignalsOptions;
  readonly #connection: RedisConnection;
  /** Of the incomplete partitions into which this process restored: the lineage that they had. */
  readonly #restoring = new Map<number, string>();

  private constructor(options: RedisSignalsOptions) {
    const { target, connectTimeoutMs = 1000, commandTimeoutMs = 1000, onNotice } = options;
    this.#options = options;
    this.#connection = new RedisConnection({
      target,
      connectTimeoutMs,
      commandTimeoutMs,
      onNotice: onNotice ?? (() => undefined),
    });
  }

  /** Connects. Where Redis is away, calls reject until it is there; nobody has to open it again. */
  static async open(options: RedisSignalsOptions): Promise<RedisSignals> {
    const signals = new RedisSignals(options);
    await signals.#connection.open();
    return signals;
  }

  /** @returns why calls are rejected right now, in a few words; null when there is a connection */
  get unready(): string | null {
    return this.#connection.why;
  }

  async fold(steps: readonly SignalStep[]): Promise<readonly ArtifactSignals[]> {
    // An artifact's steps go in one script, which tells its facts once, however many devices report it at a time.
    const indexes = gather([...steps.entries()].map(([index, { key }]) => [key, index]));
    const encoded = steps.map(encodeStep);
    const folded = new Map<number, ArtifactSignals>();
    await this.#byPartition([...indexes.keys()], foldedAtOnce, async (keys, partition) => {
      const replies = await this.#whereComplete(partition, (pipeline) => {
        for (const key of keys) {
          const own = (indexes.get(key) ?? []).flatMap((index) => encoded[index] ?? []);
          this.#queueFold(pipeline, key, partition, own, {
            needsMarker: true,
            keepMs: this.#options.retentionMs,
          });
        }
      });
      for (const [at, key] of keys.entries()) {
        const reply = readFold(replies[at]);
        if (reply === null) throw incomplete(partition);
        const view = new ArtifactView(reply.before);
        for (const [nth, index] of (indexes.get(key) ?? []).entries()) {
          view.apply(reply.changes[nth] ?? []);
          folded.set(index, view.snapshot(key));
        }
      }
    });
    return steps.flatMap((_, index) => folded.get(index) ?? []);
  }

  async read(keys: readonly ArtifactKey[]): Promise<readonly ArtifactSignals[]> {
    return this.fold(keys.map((key) => ({ key, facts: [] })));
  }

  async dump(keys: readonly ArtifactKey[]): Promise<readonly unknown[]> {
    const dumped = new Map<ArtifactKey, DumpedState | null>();
    await this.#byPartition([...new Set(keys)], dumpedAtOnce, async (portion, partition) => {
      const replies = await this.#whereComplete(partition, (pipeline) => {
        for (const key of portion) queueDump(pipeline, this.#keysOf(key, partition));
      });
      for (const [at, key] of portion.entries()) {
        const reply = readDump(replies[at]);
        if (reply === null) throw incomplete(partition);
        dumped.set(key, decodeDumped(reply.hash, reply.members));
      }
    });
    return keys.map((key) => dumped.get(key) ?? null);
  }

  async restore(states: readonly RestoredState[]): Promise<number> {
    const { retentionMs } = this.#options;
    const kept = states.filter(({ writtenMs }) => writtenMs + retentionMs > Date.now());
    const whole = kept.flatMap(({ key, state }) => {
      const dumped = parseDumped(state);
      return dumped === undefined ? [] : [[key, encodeDumped(dumped)] as const];
    });
    const steps = gather(whole);
    const newestMs = new Map<ArtifactKey, number>();
    for (const { key, writtenMs } of kept) newestMs.set(key, Math.max(writtenMs, newestMs.get(key) ?? 0));
    const entriesOf = (key: ArtifactKey) =>
      (steps.get(key) ?? []).reduce((sum, { members, facts }) => sum + members.length + facts.length, 1);
    const restore = async (keys: readonly ArtifactKey[], partition: number): Promise<void> => {
      const [lineage] = await this.#connection.send((pipeline) => {
        queueBeginRestore(pipeline, this.#keyOf(partition, 'lineage'), randomUUID());
        for (const key of keys) {
          const keepMs = Math.max(1, (newestMs.get(key) ?? 0) + retentionMs - Date.now());
          this.#queueFold(pipeline, key, partition, steps.get(key) ?? [], { needsMarker: false, keepMs });
        }
      });
      const known = this.#restoring.get(partition);
      this.#restoring.set(partition, textOf(lineage));
      if (known === undefined || known === lineage) return;
      this.#restoring.delete(partition);
      throw unavailable(`partition ${partition} was emptied while it was restored`);
    };
    await this.#byPartition([...steps.keys()], restoredEntriesAtOnce, restore, entriesOf);
    return kept.length - whole.length;
  }

  async isComplete(partition: number): Promise<boolean> {
    const marker = this.#markerOf(partition);
    const [stands] = await this.#connection.send((pipeline) => queueCheckMarker(pipeline, marker));
    return stands === 1;
  }

  async complete(partition: number): Promise<void> {
    const [marker, lineageKey] = [this.#markerOf(partition), this.#keyOf(partition, 'lineage')];
    const lineage = this.#restoring.get(partition) ?? '';
    const [stands] = await this.#connection.send((pipeline) =>
      queueSetMarker(pipeline, marker, lineageKey, lineage),
    );
    this.#restoring.delete(partition);
    if (stands !== 1) throw unavailable(`partition ${partition} was emptied while it was restored`);
  }

  /** Nothing to do: what is in Redis stays there. */
  release(): void {}

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** The partitions at once, the portions of one in order. */
  async #byPartition(
    keys: readonly ArtifactKey[],
    atOnce: number,
    work: (keys: readonly ArtifactKey[], partition: number) => Promise<void>,
    weigh: (key: ArtifactKey) => number = () => 1,
  ): Promise<void> {
    const byPartition = gather(keys.map((key) => [place(key, this.#options.partitions), key]));
    await Promise.all(
      [...byPartition].map(async ([partition, placed]) => {
        for (const portion of portions(placed, atOnce, weigh)) await work(portion, partition);
      }),
    );
  }

  /** @returns the replies to what was queued, done only where the marker stands */
  async #whereComplete(partition: number, queue: (pipeline: Pipeline) => void): Promise<readonly unknown[]> {
    const [stands, ...replies] = await this.#connection.send((pipeline) => {
      queueCheckMarker(pipeline, this.#markerOf(partition));
      queue(pipeline);
    });
    if (stands !== 1) throw incomplete(partition);
    return replies;
  }

  #queueFold(
    pipeline: Pipeline,
    key: ArtifactKey,
    partition: number,
    steps: readonly EncodedStep[],
    options: Pick<FoldOptions, 'needsMarker' | 'keepMs'>,
  ): void {
    const { lookBackMs } = this.#options;
    queueFold(pipeline, this.#keysOf(key, partition), steps, { ...options, lookBackMs });
  }

  #keysOf(key: ArtifactKey, partition: number): ArtifactKeys {
    return {
      marker: this.#markerOf(partition),
      hash: this.#keyOf(partition, `a:${key}`),
      members: this.#keyOf(partition, `m:${key}`),
    };
  }

  /** Not `complete`: what a version set that let nothing expire. It is restored once more, which makes all of it expire. */
  #markerOf(partition: number): string {
    return this.#keyOf(partition, 'whole');
  }

  /** The braces are the hash tag by which a cluster places the key. */
  #keyOf(partition: number, name: string): string {
    return `${this.#options.namespace ?? 'firebreak'}:{p${partition}}:${name}`;
  }
}

function incomplete(partition: number): FirebreakError {
  return unavailable(`partition ${partition} lacks what the changelog holds`);
}

/** @returns the values of each key, in order */
function gather<Key, Value>(pairs: readonly (readonly [Key, Value])[]): ReadonlyMap<Key, readonly Value[]> {
  const gathered = new Map<Key, Value[]>();
  for (const [key, value] of pairs) {
    const values = gathered.get(key);
    if (values === undefined) gathered.set(key, [value]);
    else values.push(value);
  }
  return gathered;
}

/** @returns the keys in order, in portions that weigh no more than `most`, or hold a single key */
function portions<Key>(
  keys: readonly Key[],
  most: number,
  weigh: (key: Key) => number,
): readonly (readonly Key[])[] {
  const made: Key[][] = [];
  let room = 0;
  for (const key of keys) {
    const weight = weigh(key);
    if (made.length === 0 || weight > room) {
      made.push([]);
      room = most;
    }
    made.at(-1)?.push(key);
    room -= weight;
  }
  return made;
}
