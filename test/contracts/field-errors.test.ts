import { expect, test } from '@jest/globals';
import type { z } from 'zod';
import { toFieldErrors } from '../../contracts/field-errors.ts';
import { createOverrideSchema } from '../../contracts/http.ts';
import { listVerdictsOperation } from '../../contracts/operations/history.ts';

const errorsOf = (schema: z.ZodType, value: unknown) => {
  const parsed = schema.safeParse(value);
  if (parsed.success) throw new Error('it is refused');
  return toFieldErrors(parsed.error);
};

test('a filter that has none of its values is told them', () => {
  expect(errorsOf(listVerdictsOperation.query, { kind: 'scripts', reach: ['device', 'all'] })).toEqual([
    { pointer: '/kind', detail: expect.stringContaining('"script"') },
    { pointer: '/reach/1', detail: expect.stringContaining('"ecosystem"') },
  ]);
});

test('a hash that is none is told what would be one', () => {
  expect(errorsOf(listVerdictsOperation.query, { artifact: 'abc' })).toEqual([
    { pointer: '/artifact', detail: expect.stringMatching(/artifact key such as .*64 hexadecimal digits/) },
  ]);
});

test('targets that fit no form are told the forms', () => {
  const override = { action: 'block', comment: 'c' };
  expect(errorsOf(createOverrideSchema, { ...override, targets: {} })).toEqual([
    { pointer: '/targets', detail: expect.stringMatching(/^One of: \/all .*; \/deviceIds .*/) },
  ]);
  expect(errorsOf(createOverrideSchema, { ...override, targets: { deviceIds: ['x'] } })).toEqual([
    { pointer: '/targets/deviceIds/0', detail: 'Invalid UUID' },
  ]);
});
