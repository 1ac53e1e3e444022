import { z } from 'zod';
import { readinessSchema } from '../http.ts';
import type { Operation } from '../operation.ts';

/** What load balancers and supervisors ask. */

export const getLiveness = {
  id: 'getLiveness',
  method: 'GET',
  path: '/health/live',
  tag: 'service',
  summary: 'Whether the process runs',
  access: { kind: 'public' },
  answers: { 200: { description: 'It does.', schema: z.object({ live: z.literal(true) }) } },
} as const satisfies Operation;

export const getReadiness = {
  id: 'getReadiness',
  method: 'GET',
  path: '/health/ready',
  tag: 'service',
  summary: 'Whether the service can do its work; names what is missing',
  access: { kind: 'public' },
  answers: {
    200: { description: 'It can.', schema: readinessSchema },
    503: { description: 'It cannot right now.', schema: readinessSchema },
  },
} as const satisfies Operation;

export const serviceOperations: readonly Operation[] = [getLiveness, getReadiness];
