import { isFirebreakError } from '../../contracts/errors.ts';
import { topics } from '../../contracts/topics.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';
import type { Signals } from '../../platform/signals/signals.ts';

/**
 * Brings a store that lost the signals of a partition, or never had them, up to its changelog. What was folded after
 * the changelog's last word is read again from the offsets that the changelog made committable.
 *
 * @returns whether the store is complete; false while it is away, or when it lost what was restored meanwhile
 */
export async function restoreSignals(log: TopicLog, signals: Signals, partition: number): Promise<boolean> {
  try {
    if (await signals.isComplete(partition)) return true;
    for await (const batch of log.log.read({ topic: topics.signals.name, partition, offset: 0 })) {
      const { records } = parseBatch(topics.signals, batch);
      await signals.restore(
        records.flatMap(({ value, appendedAt }) =>
          value === null ? [] : [{ key: value.artifactKey, state: value.state, writtenMs: appendedAt }],
        ),
      );
    }
    await signals.complete(partition);
    return true;
  } catch (error) {
    if (isFirebreakError(error) && error.retryable) return false;
    throw error;
  }
}
