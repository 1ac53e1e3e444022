import type { PartitionRef, StoredRecord } from '../log.ts';
import { toRecord, type FetchedMessage } from './kafka-client.ts';

/** Of what was read last: readers of one process are seldom further apart. */
const keptBytes = 8 * 1_048_576;

/**
 * What several groups of one process read is one record for all of them, so that whoever parses it first spares the
 * others. They fetch on their own, as each goes at its own pace.
 */
export class SharedRecords {
  /** By place in the log, oldest read first. */
  readonly #records = new Map<string, StoredRecord>();
  readonly #readers = new Map<string, number>();
  #bytes = 0;

  /** @returns a function to call when the reader has ended */
  addReader(topics: readonly string[]): () => void {
    const count = (by: number) => () => {
      for (const topic of topics) this.#readers.set(topic, (this.#readers.get(topic) ?? 0) + by);
    };
    count(1)();
    return count(-1);
  }

  recordOf({ topic, partition }: PartitionRef, message: FetchedMessage): StoredRecord {
    if ((this.#readers.get(topic) ?? 0) < 2) return toRecord(message);
    const place = `${topic}/${partition}/${message.offset}`;
    const known = this.#records.get(place);
    if (known !== undefined && isSame(known, message)) return known;
    const record = toRecord(message);
    this.#bytes += sizeOf(record) - (known === undefined ? 0 : sizeOf(known));
    this.#records.set(place, record);
    for (const [oldest, { value }] of this.#records) {
      if (this.#bytes <= keptBytes) break;
      this.#records.delete(oldest);
      this.#bytes -= sizeOf({ value });
    }
    return record;
  }
}

/** A log that lost its end gives an offset to another record. */
function isSame({ value, appendedAt }: StoredRecord, message: FetchedMessage): boolean {
  if (Number(message.timestamp) !== appendedAt) return false;
  return value === null || message.value === null ? value === message.value : message.value.equals(value);
}

function sizeOf({ value }: Pick<StoredRecord, 'value'>): number {
  return value?.length ?? 0;
}
