import type { Topic } from '../../contracts/topics.ts';
import type { StoredRecord } from '../../platform/log/log.ts';
import { readValue } from '../../platform/log/topic-log.ts';

export interface RecordedValue
  extends Pick<StoredRecord, 'value' | 'content'>, Partial<Pick<StoredRecord, 'headers'>> {
  /** When its row counts as recorded, milliseconds since 1970; when it is written, where this is not set. */
  readonly recordedAtMs?: number;
}

/**
 * A tombstone of a topic that is not compacted is nobody's doing.
 * @throws FirebreakError FB_RECORD_UNREADABLE; Error for a tombstone
 */
export function present<Value>(topic: Topic<Value>, record: RecordedValue): Value {
  const value = readValue(topic, record);
  if (value === null) throw new Error('There is no value.');
  return value;
}

/** @returns the JSON as it stands in the log, but without line breaks between its tokens; inside of strings they are always escaped */
export function bodyOf({ value }: RecordedValue, parsed: object): string {
  const text = value === null ? '' : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString();
  return text === '' || text.includes('\n') ? JSON.stringify(parsed) : text;
}
