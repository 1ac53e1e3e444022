import type { ArtifactKey } from '../../contracts/artifact.ts';
import { subjectKey, type Subject } from '../../contracts/canonical.ts';
import { toEpochMs, type DeviceId, type TenantId } from '../../contracts/ids.ts';
import { revisionOf, type Answer, type VerdictRecord } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import type { Standing } from '../../engine/decide/plan.ts';
import { isNews } from '../../engine/stream/apply.ts';

const minuteMs = 60_000;

/**
 * The owner's own view of its verdict partition: revision numbers come from here and from nowhere else. Of two records
 * of one revision the first counts, as for every reader.
 */
export class VerdictView {
  readonly #records = new Map<string, VerdictRecord>();
  /** `<artifact> <subject>` → when the answer ends. Oldest first; bounded, what falls out is answered again. */
  readonly #answers = new Map<string, number>();
  readonly #answerEntries: number;
  /** When each of the latest ecosystem blocks was made: the breaker counts them. */
  #ecosystemBlocksMs: number[] = [];

  /** @param answerEntries answers remembered */
  constructor(answerEntries: number) {
    this.#answerEntries = answerEntries;
  }

  /** @returns false when the view holds the same or a higher revision already */
  apply(record: VerdictRecord): boolean {
    const key = topics.verdicts.keyOf(record);
    const before = this.#records.get(key);
    if (!isNews(before && revisionOf(before).revision, revisionOf(record).revision)) return false;
    this.#records.set(key, record);
    return true;
  }

  /** @param key of the log's record */
  at(key: string): VerdictRecord | null {
    return this.#records.get(key) ?? null;
  }

  /** @returns what stands under the key, as its next revision by this writer; null when nothing does */
  next(key: string, writer: string): VerdictRecord | null {
    const record = this.#records.get(key);
    if (record === undefined) return null;
    const revision = revisionOf(record).revision + 1;
    return record.kind === 'entry'
      ? { ...record, writer, entry: { ...record.entry, revision } }
      : { ...record, writer, revocation: { ...record.revocation, revision } };
  }

  /** A null tombstone came: the log no longer knows the key. */
  forget(key: string): void {
    this.#records.delete(key);
  }

  answer(answer: Answer): void {
    const key = `${answer.artifactKey} ${subjectKey(answer.subject)}`;
    this.#answers.delete(key);
    this.#answers.set(key, toEpochMs(answer.entry.expiresAt));
    if (this.#answers.size <= this.#answerEntries) return;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }

  standing(key: ArtifactKey, tenantId: TenantId, deviceId: DeviceId, nowMs: number): Standing {
    const answered = (subject: Subject) => (this.#answers.get(`${key} ${subjectKey(subject)}`) ?? 0) > nowMs;
    return {
      ecosystem: this.#records.get(`${key} ${subjectKey({ tenantId: null, deviceId: null })}`) ?? null,
      tenant: this.#records.get(`${key} ${subjectKey({ tenantId, deviceId: null })}`) ?? null,
      answered: answered({ tenantId, deviceId: null }) || answered({ tenantId, deviceId }),
    };
  }

  countEcosystemBlock(nowMs: number): void {
    this.#ecosystemBlocksMs.push(nowMs);
  }

  recentEcosystemBlocks(nowMs: number): number {
    this.#ecosystemBlocksMs = this.#ecosystemBlocksMs.filter((atMs) => atMs > nowMs - minuteMs);
    return this.#ecosystemBlocksMs.length;
  }

  /** @returns log keys, with their artifact, of what ended so long ago that no valid cursor can miss it */
  buriable(
    nowMs: number,
    tombstoneDelayMs: number,
  ): readonly { readonly key: string; readonly place: ArtifactKey }[] {
    const ended: { key: string; place: ArtifactKey }[] = [];
    for (const [key, record] of this.#records) {
      const until =
        record.kind === 'entry'
          ? toEpochMs(record.entry.expiresAt) + tombstoneDelayMs
          : toEpochMs(record.keepUntil);
      if (until <= nowMs) ended.push({ key, place: revisionOf(record).key });
    }
    return ended;
  }
}
