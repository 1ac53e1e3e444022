import type { z } from 'zod';
import { FirebreakError } from '../../contracts/errors.ts';
import {
  listDeadLettersOperation,
  replayDeadLetterOperation,
  type deadLetterItemSchema,
} from '../../contracts/operations/dead-letters.ts';
import type { DeadLetter } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { parseBatch, type TopicLog, type TypedRecord } from '../../platform/log/topic-log.ts';

/** Dead letters for the operator, who sees where and why and no content, and who may send one on its way again. */
export function deadLetterRoutes(log: TopicLog): readonly Route[] {
  return [
    route(listDeadLettersOperation, async ({ query: { topic, limit } }) => {
      let total = 0;
      let newest: Item[] = [];
      for (const { partition } of await log.log.bounds(topics.deadLetters.name)) {
        for await (const record of lettersOf(log, partition)) {
          if (topic !== undefined && record.value?.topic !== topic) continue;
          total += 1;
          newest.push(...itemOf(record, partition));
          if (newest.length > 2 * limit) newest = newest.slice(-limit);
        }
      }
      return { status: 200, json: { items: newest.slice(-limit).reverse(), total } };
    }),
    route(replayDeadLetterOperation, async ({ params: { at } }) => {
      const letter = await findLetter(log, at);
      if (letter === null) throw new FirebreakError('FB_NOT_FOUND', `There is no dead letter at ${at}.`);
      const { topic, partition, key, valueBase64, headers } = letter;
      const [position] = await log.log.append(topic, [
        { key, partition, value: Buffer.from(valueBase64, 'base64'), headers },
      ]);
      return { status: 200, json: { topic, partition, offset: position?.offset ?? 0 } };
    }),
  ];
}

async function* lettersOf(
  log: TopicLog,
  partition: number,
  offset = 0,
  until?: number,
): AsyncGenerator<TypedRecord<DeadLetter>> {
  for await (const batch of log.log.read({ topic: topics.deadLetters.name, partition, offset }, until)) {
    yield* parseBatch(topics.deadLetters, batch).records;
  }
}

async function findLetter(log: TopicLog, at: string): Promise<DeadLetter | null> {
  const [partition = 0, offset = 0] = at.split('-').map(Number);
  const bounds = await log.log.bounds(topics.deadLetters.name);
  if (partition >= bounds.length) return null;
  for await (const letter of lettersOf(log, partition, offset, offset + 1))
    if (letter.offset === offset) return letter.value;
  return null;
}

type Item = z.input<typeof deadLetterItemSchema>;

function itemOf({ offset: at, value }: TypedRecord<DeadLetter>, letterPartition: number): readonly Item[] {
  if (value === null) return [];
  const { topic, partition, offset, group, code, detail, failedAt, valueBase64 } = value;
  const sizeBytes = Buffer.byteLength(valueBase64, 'base64');
  return [
    { at: `${letterPartition}-${at}`, topic, partition, offset, group, code, detail, failedAt, sizeBytes },
  ];
}
