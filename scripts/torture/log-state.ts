import { subjectKey } from '../../contracts/canonical.ts';
import type { Entry } from '../../contracts/entry.ts';
import { revisionOf, type ControlRecord, type VerdictRecord } from '../../contracts/records.ts';
import { topics, type Topic } from '../../contracts/topics.ts';
import { isNews } from '../../engine/stream/apply.ts';
import { decodeCursor } from '../../engine/stream/cursor.ts';
import { digestText, emptyDigest, withEntry } from '../../engine/stream/digest.ts';
import { parseBatch } from '../../platform/log/topic-log.ts';
import type { OpenedLog } from './subject.ts';

export interface LoggedRecord<Value> {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: Value | null;
}

/** What of the log the checks look at, each topic in the order of its partitions. */
export interface LogContents {
  readonly identity: string;
  readonly partitions: number;
  readonly verdicts: readonly LoggedRecord<VerdictRecord>[];
  readonly control: readonly LoggedRecord<ControlRecord>[];
  readonly deadLetters: number;
  /** Records that are not of their topic's schema, each as where it lies. */
  readonly unreadable: readonly string[];
}

export async function readLog(opened: OpenedLog): Promise<LogContents> {
  const unreadable: string[] = [];
  const { identity, partitions } = opened;
  const verdicts = await readTopic(opened, topics.verdicts, unreadable);
  const control = await readTopic(opened, topics.control, unreadable);
  const deadLetters = (await readTopic(opened, topics.deadLetters, unreadable)).length;
  return { identity, partitions, verdicts, control, deadLetters, unreadable };
}

async function readTopic<Value>(
  { log }: OpenedLog,
  topic: Topic<Value>,
  unreadable: string[],
): Promise<readonly LoggedRecord<Value>[]> {
  const found: LoggedRecord<Value>[] = [];
  for (const { partition, start } of await log.log.bounds(topic.name)) {
    for await (const batch of log.log.read({ topic: topic.name, partition, offset: start })) {
      const { records, poison } = parseBatch(topic, batch);
      for (const { offset, key, value } of records) found.push({ partition, offset, key, value });
      for (const { record, detail } of poison)
        unreadable.push(`${topic.name}/${partition} at ${record.offset}: ${detail}`);
    }
  }
  return found;
}

/** @returns the record that counts for each key: the first of the highest revision that any reader takes */
export function standingVerdicts(
  records: readonly LoggedRecord<VerdictRecord>[],
): ReadonlyMap<string, VerdictRecord> {
  const standing = new Map<string, VerdictRecord>();
  for (const { key, value } of records) {
    if (value === null) standing.delete(key);
    else {
      const held = standing.get(key);
      if (isNews(held && revisionOf(held).revision, revisionOf(value).revision)) standing.set(key, value);
    }
  }
  return standing;
}

/**
 * What a subscriber must hold that has applied the log up to a cursor, computed from the log alone.
 *
 * @returns null where the cursor is not one of this log
 */
export function stateAt(
  log: LogContents,
  cursorText: string,
  { tenantId, deviceId }: { readonly tenantId: string; readonly deviceId: string },
): { readonly count: number; readonly digest: string } | null {
  const cursor = decodeCursor(cursorText, log.identity);
  if (cursor === null) return null;
  const before = (shift: number) => (record: LoggedRecord<unknown>) =>
    record.offset < (cursor.offsets[shift + record.partition] ?? 0);
  const decided = [...standingVerdicts(log.verdicts.filter(before(0))).values()].flatMap((record) =>
    record.kind === 'entry' && isFor(subjectKey(record.subject), tenantId, deviceId) ? [record.entry] : [],
  );
  const own = ownEntries(log.control.filter(before(log.partitions)), tenantId, deviceId);
  const state = [...decided, ...own].reduce(withEntry, emptyDigest);
  return { count: state.count, digest: digestText(state) };
}

function isFor(subject: string, tenantId: string, deviceId: string): boolean {
  return subject === 'ecosystem' || subject === tenantId || subject === `${tenantId}/${deviceId}`;
}

function ownEntries(
  records: readonly LoggedRecord<ControlRecord>[],
  tenantId: string,
  deviceId: string,
): readonly Entry[] {
  const standing = new Map<string, ControlRecord>();
  for (const { key, value } of records) {
    if (value === null) standing.delete(key);
    else if (isNews(standing.get(key)?.version, value.version)) standing.set(key, value);
  }
  return [...standing.values()].flatMap((record) => {
    if (record.kind !== 'own-entry' || record.tenantId !== tenantId) return [];
    const { targets } = record.entry;
    return 'all' in targets || targets.deviceIds.some((id) => id === deviceId) ? [record.entry] : [];
  });
}
