import type { ClassifierStatus } from '../../contracts/classifier-versions.ts';
import { toTimestamp } from '../../contracts/ids.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import { Rounds } from '../../platform/lifecycle/rounds.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { LineUp } from './line-up.ts';
import type { VersionEvents } from './version-events.ts';

export interface StatusTellerOptions {
  readonly log: Pick<TopicLog, 'append'>;
  /** Of this process alone. */
  readonly instance: string;
  readonly lineUps: readonly LineUp[];
  readonly refused: () => ClassifierStatus['refused'];
  readonly events: Pick<VersionEvents, 'versionsAt' | 'statusNotTold'>;
  readonly everyMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Told again though nothing changed: who is silent for three of them is gone. */
const tellMs = 60_000;

/** Tells in the log which versions this process has, so that the operator sees all processes at one place. */
export class StatusTeller implements Part {
  readonly name = 'classify.status';
  readonly #options: StatusTellerOptions;
  readonly #rounds = new Rounds();
  #told = { text: '', atMs: 0 };

  constructor(options: StatusTellerOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    this.#rounds.start(() => this.#round(), this.#options.everyMs, true);
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #round(): Promise<void> {
    const { events, lineUps } = this.#options;
    events.versionsAt(lineUps);
    await this.#tell().catch((error: unknown) => events.statusNotTold(error));
  }

  async #tell(): Promise<void> {
    const { log, instance, lineUps, refused, now } = this.#options;
    const versions = lineUps.flatMap((lineUp) =>
      lineUp.versions.map((version) => ({
        ...version.id,
        classifier: lineUp.profile.id,
        state: lineUp.stateOf(version),
        shipped: version.isShipped,
        ...(version.silence !== null && { silence: version.silence.slice(0, 500) }),
      })),
    );
    const status = { versions, refused: refused() };
    const text = JSON.stringify(status);
    const nowMs = now();
    if (text === this.#told.text && nowMs - this.#told.atMs < tellMs) return;
    await log.append(topics.classifierStatus, [{ instance, toldAt: toTimestamp(nowMs), ...status }]);
    this.#told = { text, atMs: nowMs };
  }
}
