import type { Operation } from '../operation.ts';
import { classifierOperations } from './classifiers.ts';
import { deadLetterOperations } from './dead-letters.ts';
import { ingestOperations } from './ingest.ts';
import { publishOperations } from './publish.ts';
import { queryOperations } from './query.ts';
import { serviceOperations } from './service.ts';

/** The whole interface. */
export const allOperations: readonly Operation[] = [
  ...serviceOperations,
  ...ingestOperations,
  ...publishOperations,
  ...queryOperations,
  ...deadLetterOperations,
  ...classifierOperations,
];
