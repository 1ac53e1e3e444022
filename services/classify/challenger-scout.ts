import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import type { OpenedVersion } from '../../classifiers/model-version.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import { Rounds } from '../../platform/lifecycle/rounds.ts';
import type { LineUp } from './line-up.ts';
import { ScoringVersion } from './scoring-version.ts';
import type { VersionEvents } from './version-events.ts';

export interface ChallengerScoutOptions {
  /** Each holds a folder for every version. */
  readonly folders: readonly string[];
  readonly open: (folder: URL) => Promise<OpenedVersion>;
  readonly lineUps: readonly LineUp[];
  readonly events: Pick<VersionEvents, 'versionOpened' | 'versionRefused'>;
  readonly cacheEntries: number;
  readonly everyMs: number;
}

/**
 * Finds versions of classifiers that are to be tried, at start and while the service runs, as rules are found. One that
 * cannot be used is told once, with the reason, and tried again when its files change.
 */
export class ChallengerScout implements Part {
  readonly name = 'classify.challengers';
  readonly #options: ChallengerScoutOptions;
  readonly #folders: readonly string[];
  readonly #rounds = new Rounds();
  readonly #known = new Map<string, { readonly stamp: string; readonly refusal: string | null }>();

  constructor(options: ChallengerScoutOptions) {
    this.#options = options;
    this.#folders = options.folders.map((folder) => resolve(folder));
  }

  /** What cannot be used, by folder. */
  get refused(): readonly { readonly folder: string; readonly reason: string }[] {
    return [...this.#known].flatMap(([folder, { refusal }]) =>
      refusal === null ? [] : [{ folder, reason: refusal }],
    );
  }

  async start(): Promise<void> {
    await this.#look();
    this.#rounds.start(() => this.#look(), this.#options.everyMs);
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
    const { lineUps } = this.#options;
    for (const { versions } of lineUps) for (const version of versions) await version.close();
  }

  async #look(): Promise<void> {
    const found = new Set<string>();
    for (const folder of this.#folders) {
      for (const path of await this.#versionFolders(folder)) {
        found.add(path);
        const stamp = await stampOf(path);
        if (stamp === null || this.#known.get(path)?.stamp === stamp) continue;
        const refusal = await this.#open(path);
        if (refusal !== null) this.#options.events.versionRefused(path, refusal);
        this.#known.set(path, { stamp, refusal });
      }
    }
    for (const path of this.#known.keys()) if (!found.has(path)) await this.#forget(path);
  }

  async #versionFolders(folder: string): Promise<readonly string[]> {
    try {
      const entries = await readdir(folder, { withFileTypes: true });
      this.#known.delete(folder);
      // A link is how files of a container are replaced at one go; what it leads to shows when it is opened.
      return entries
        .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
        .map(({ name }) => join(folder, name))
        .sort();
    } catch (error) {
      const refusal = `the folder cannot be read: ${messageOf(error)}`;
      if (!this.#known.has(folder)) this.#options.events.versionRefused(folder, refusal);
      this.#known.set(folder, { stamp: '', refusal });
      // What was found in it stays as it is.
      return [...this.#known.keys()].filter((path) => dirname(path) === folder);
    }
  }

  /** @returns why it cannot be used, or null */
  async #open(path: string): Promise<string | null> {
    const { open, lineUps, events, cacheEntries } = this.#options;
    try {
      const opened = await open(pathToFileURL(`${path}/`));
      const { id, version } = opened.classifier.profile;
      const lineUp = lineUps.find(({ profile }) => profile.id === id);
      const twin = lineUp?.versions.find((other) => other.id.version === version);
      const mayReplace = twin === undefined || lineUp?.remove(path) === twin;
      if (lineUp === undefined || !mayReplace) {
        await opened.classifier.close();
        return `version ${version} of ${id} is there already: raise "version" in the manifest`;
      }
      await twin?.close();
      const scoring = new ScoringVersion(opened, false, cacheEntries);
      await scoring.warmUp();
      await scoring.check();
      const before = lineUp.put(path, scoring);
      await before?.close();
      events.versionOpened(id, version, path, scoring.silence);
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #forget(path: string): Promise<void> {
    if (this.#folders.includes(path)) return;
    for (const lineUp of this.#options.lineUps) await lineUp.remove(path)?.close();
    this.#known.delete(path);
  }
}

/** @returns what changes with any file of the folder; null where it is gone */
async function stampOf(path: string): Promise<string | null> {
  const names = await readdir(path).catch(() => null);
  if (names === null) return null;
  const about = await Promise.all(names.sort().map((name) => stat(join(path, name)).catch(() => undefined)));
  return names.map((name, at) => `${name} ${about[at]?.ino} ${about[at]?.size} ${about[at]?.mtimeMs}`).join();
}

function messageOf(error: unknown): string {
  return (types.isNativeError(error) ? error.message : String(error)).slice(0, 500);
}
