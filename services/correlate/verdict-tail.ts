import { revisionOf, type VerdictRecord } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import type { TypedRecord } from '../../platform/log/topic-log.ts';
import type { VerdictView } from './verdict-view.ts';

/**
 * Reads what lands in the owner's partition of `verdicts`, in the order of the log, and notices what others write there:
 * a predecessor that was stalled and woke up. Readers take the first record of a revision and none that is not higher,
 * so what it writes may win at them, or be the last one standing after compaction though it never counted.
 *
 *   foreign and news to the owner ──▶ the owner takes it up, and numbers on from there
 *   foreign and not news          ──▶ owed: it may hide the owner's record
 *   own, behind a foreign one that is as high or higher ──▶ owed: readers passed over it
 *
 * What is owed is written again as a higher revision, which is news to every reader and the last of its key.
 */
export class VerdictTail {
  readonly #view: VerdictView;
  readonly #writer: string;
  /** The highest foreign revision of each key that has one. */
  readonly #foreign = new Map<string, number>();
  readonly #owed = new Set<string>();
  /** The offset to go on from. */
  position: number;

  /** @param position up to where the view was made of the log */
  constructor(view: VerdictView, writer: string, position: number) {
    this.#view = view;
    this.#writer = writer;
    this.position = position;
  }

  take(records: readonly TypedRecord<VerdictRecord>[], end: number): void {
    for (const { value, offset } of records)
      if (value !== null && offset >= this.position) this.#takeOne(value);
    this.position = Math.max(this.position, end);
  }

  /** @returns the records to append, each a revision above what stands; the view has them already */
  repairs(): readonly VerdictRecord[] {
    const repairs = [...this.#owed].flatMap((key) => this.#view.next(key, this.#writer) ?? []);
    this.#owed.clear();
    for (const record of repairs) this.#view.apply(record);
    return repairs;
  }

  /** They did not land: they are owed as before. */
  failed(repairs: readonly VerdictRecord[]): void {
    for (const record of repairs) this.#owed.add(topics.verdicts.keyOf(record));
  }

  #takeOne(record: VerdictRecord): void {
    const key = topics.verdicts.keyOf(record);
    const { revision } = revisionOf(record);
    const foreign = this.#foreign.get(key);
    if (record.writer === this.#writer) {
      const isPassedOver = foreign !== undefined && foreign >= revision;
      if (isPassedOver && !this.#isFollowed(key, revision)) this.#owed.add(key);
      return;
    }
    this.#foreign.set(key, Math.max(revision, foreign ?? revision));
    if (!this.#view.apply(record)) this.#owed.add(key);
  }

  /** A later one of its own is on its way, and makes up for it. */
  #isFollowed(key: string, revision: number): boolean {
    const standing = this.#view.at(key);
    return standing?.writer === this.#writer && revisionOf(standing).revision > revision;
  }
}
