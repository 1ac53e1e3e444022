import type { Operation } from '../operation.ts';
import { detonationOperations } from './detonations.ts';
import { historyOperations } from './history.ts';
import { overrideOperations } from './overrides.ts';
import { policyOperations } from './policy.ts';
import { sampleOperations } from './samples.ts';
import { tenancyOperations } from './tenancy.ts';

/** Everything that services/query answers. */
export const queryOperations: readonly Operation[] = [
  ...tenancyOperations,
  ...historyOperations,
  ...overrideOperations,
  ...policyOperations,
  ...sampleOperations,
  ...detonationOperations,
];
