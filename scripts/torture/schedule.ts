import { between, randomOf, shuffled, type Random } from '../random.ts';

export type Profile = 'cluster' | 'embedded';

/**
 * What is done to a target: `kill` is SIGKILL and, after a while, a new start on the same data and port; `pause` is SIGSTOP
 * and later SIGCONT; `flush` empties Redis; `repeat` appends records that are in the log once more, in another order.
 */
export type FaultKind = 'kill' | 'pause' | 'flush' | 'repeat';

export interface Fault {
  /** From 1, in the order in which they begin. */
  readonly number: number;
  /** Share of the input that has been accepted when it begins. */
  readonly at: number;
  readonly kind: FaultKind;
  readonly target: string;
  /** Until a killed target is started again, or a paused one goes on; milliseconds. */
  readonly forMs: number;
}

export interface ScheduleOptions {
  readonly seed: string;
  readonly profile: Profile;
  readonly faults: number;
}

const killedOrPaused: Readonly<Record<Profile, readonly string[]>> = {
  embedded: ['service', 'postgres'],
  cluster: [
    ...['ingest-1', 'ingest-2', 'classify-1', 'classify-2', 'correlate-1', 'correlate-2'],
    ...['publish-1', 'publish-2', 'record-1', 'query-1', 'kafka', 'redis', 'postgres'],
  ],
};

const [firstAt, lastAt] = [0.03, 0.95];
/** Longer than the session of a consumer group (10 s): a paused owner of partitions is replaced before it goes on. */
const outlastsSessionMs = { from: 11_000, until: 16_000 };
const shortMs = { from: 200, until: 4_000 };
const outlastingShare = 0.4;

/**
 * The faults of a run. The same options give the same ones: each begins when a share of the input has been accepted, not
 * at a time, so that a slow machine is hurt at the same places. Every kind of fault on every target comes once before any
 * comes again.
 */
export function planFaults({ seed, profile, faults }: ScheduleOptions): readonly Fault[] {
  const random = randomOf(seed, 'faults');
  const all = combinations(profile);
  const rounds = Array.from({ length: Math.ceil(faults / all.length) }, () => shuffled(all, random));
  const step = (lastAt - firstAt) / Math.max(1, faults);
  return rounds
    .flat()
    .slice(0, faults)
    .map(({ kind, target }, index) => ({
      number: index + 1,
      at: firstAt + step * (index + random()),
      kind,
      target,
      forMs: durationOf(kind, random),
    }));
}

function combinations(profile: Profile): readonly Pick<Fault, 'kind' | 'target'>[] {
  const pairs = killedOrPaused[profile].flatMap((target) => [
    { kind: 'kill' as const, target },
    { kind: 'pause' as const, target },
  ]);
  if (profile === 'embedded') return pairs;
  return [...pairs, { kind: 'flush', target: 'redis' }, { kind: 'repeat', target: 'log' }];
}

function durationOf(kind: FaultKind, random: Random): number {
  const outlasts = random() < outlastingShare;
  const { from, until } = outlasts && kind === 'pause' ? outlastsSessionMs : shortMs;
  const forMs = between(random, from, until);
  return kind === 'kill' || kind === 'pause' ? forMs : 0;
}

/** @returns such as `pause correlate-1 for 12.3 s` */
export function describeFault({ kind, target, forMs }: Fault): string {
  switch (kind) {
    case 'kill':
      return `kill -9 ${target}, away for ${seconds(forMs)}`;
    case 'pause':
      return `pause ${target} for ${seconds(forMs)}`;
    case 'flush':
      return `empty ${target}`;
    case 'repeat':
      return 'repeat records of the log, shuffled';
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
