import type { Part } from '../../platform/lifecycle/part.ts';
import { Rounds } from '../../platform/lifecycle/rounds.ts';
import type { LineUp } from './line-up.ts';
import type { VersionEvents } from './version-events.ts';

export interface CanaryWatchOptions {
  readonly lineUps: readonly LineUp[];
  readonly events: Pick<VersionEvents, 'versionSilent' | 'versionSpeaks' | 'versionsAt'>;
  readonly everyMs: number;
}

/** Asks every version again and again what is known, before anything is decided by it, and tells who falls silent. */
export class CanaryWatch implements Part {
  readonly name = 'classify.canaries';
  readonly #options: CanaryWatchOptions;
  readonly #rounds = new Rounds();

  constructor(options: CanaryWatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    for (const { versions } of this.#options.lineUps) for (const version of versions) await version.warmUp();
    await this.#ask(true);
    this.#rounds.start(() => this.#ask(false), this.#options.everyMs);
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #ask(isFirst: boolean): Promise<void> {
    const { lineUps, events } = this.#options;
    for (const { profile, versions } of lineUps) {
      for (const version of versions) {
        const hasChanged = await version.check();
        const { silence, id } = version;
        if (silence !== null && (hasChanged || isFirst))
          events.versionSilent(profile.id, id.version, silence);
        else if (hasChanged) events.versionSpeaks(profile.id, id.version);
      }
    }
    events.versionsAt(lineUps);
  }
}
