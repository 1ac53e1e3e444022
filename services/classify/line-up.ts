import type { LineUpChoice, VersionId } from '../../contracts/classifier-versions.ts';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import { isNews } from '../../engine/stream/apply.ts';
import type { ScoringVersion } from './scoring-version.ts';

export type VersionState = 'champion' | 'challenger' | 'resting';

/** Each costs as much as the champion. */
export const maximalChallengers = 3;

/**
 * The versions of one classifier that this process has, and what was chosen among them. A version that was chosen and is
 * not here is replaced by the one that comes with the service: `isChampionMissing` tells.
 */
export class LineUp {
  readonly shipped: ScoringVersion;
  readonly #others = new Map<string, ScoringVersion>();
  #choice: LineUpChoice = { champion: null, dropped: [] };
  #choiceVersion: number | undefined;

  constructor(shipped: ScoringVersion) {
    this.shipped = shipped;
  }

  /** Of the version that comes with the service; all versions share what a report is asked by. */
  get profile(): ClassifierProfile {
    return this.shipped.opened.classifier.profile;
  }

  get champion(): ScoringVersion {
    const { champion } = this.#choice;
    return this.versions.find((version) => champion !== null && isSame(version.id, champion)) ?? this.shipped;
  }

  get isChampionMissing(): boolean {
    const { champion } = this.#choice;
    return champion !== null && !isSame(this.champion.id, champion);
  }

  get challengers(): readonly ScoringVersion[] {
    return this.versions
      .filter((version) => this.stateOf(version) === 'challenger')
      .slice(0, maximalChallengers);
  }

  get versions(): readonly ScoringVersion[] {
    return [this.shipped, ...this.#others.values()];
  }

  stateOf(version: ScoringVersion): VersionState {
    if (version === this.champion) return 'champion';
    if (version === this.shipped || this.#choice.dropped.some((dropped) => isSame(version.id, dropped)))
      return 'resting';
    return 'challenger';
  }

  /** A choice that is not newer changes nothing. */
  choose(choiceVersion: number, choice: LineUpChoice): void {
    if (!isNews(this.#choiceVersion, choiceVersion)) return;
    this.#choiceVersion = choiceVersion;
    this.#choice = choice;
  }

  /** @returns what stood there before, to be closed */
  put(folder: string, version: ScoringVersion): ScoringVersion | undefined {
    const before = this.#others.get(folder);
    this.#others.set(folder, version);
    return before;
  }

  /** A champion stays, though its folder is gone. @returns what is to be closed */
  remove(folder: string): ScoringVersion | undefined {
    const found = this.#others.get(folder);
    if (found === undefined || found === this.champion) return undefined;
    this.#others.delete(folder);
    return found;
  }
}

function isSame(one: VersionId, other: VersionId): boolean {
  return one.version === other.version && one.digest === other.digest;
}
