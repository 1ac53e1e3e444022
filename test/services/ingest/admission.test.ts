import { describe, expect, test } from '@jest/globals';
import { tenantIdSchema } from '../../../contracts/ids.ts';
import { Admission } from '../../../services/ingest/admission.ts';
import { tenantA, tenantB } from '../../support/entries.ts';

describe('admission', () => {
  test('a tenant alone leaves half for somebody else', () => {
    const admission = new Admission(1000, () => false);
    expect(admission.tryTake(tenantA, 500, 'first-seen')).toBe(true);
    expect(admission.tryTake(tenantA, 1, 'first-seen')).toBe(false);
    expect(admission.tryTake(tenantB, 300, 'first-seen')).toBe(true);
  });

  test('repeats of known artifacts are shed first', () => {
    const admission = new Admission(1000, () => false);
    expect(admission.tryTake(tenantA, 250, 'known')).toBe(true);
    expect(admission.tryTake(tenantA, 1, 'known')).toBe(false);
    expect(admission.tryTake(tenantA, 250, 'first-seen')).toBe(true);
  });

  test('while decisions are late, repeats of known artifacts are shed and what is new is not', () => {
    let late = true;
    const admission = new Admission(1000, () => late);
    expect(admission.tryTake(tenantA, 100, 'known')).toBe(false);
    expect(admission.tryTake(tenantA, 100, 'first-seen')).toBe(true);
    late = false;
    expect(admission.tryTake(tenantA, 100, 'known')).toBe(true);
  });

  test('what is released can be taken again', () => {
    const admission = new Admission(1000, () => false);
    admission.tryTake(tenantA, 500, 'first-seen');
    admission.release(tenantA, 500);
    expect(admission.usedBytes).toBe(0);
    expect(admission.tryTake(tenantA, 500, 'first-seen')).toBe(true);
  });

  test('with many tenants everybody still gets one report in', () => {
    const admission = new Admission(1000, () => false);
    const tenants = Array.from({ length: 9 }, (_, number) =>
      tenantIdSchema.parse(`018f0000-0000-7000-8000-0000000000c${number}`),
    );
    expect(tenants.map((tenant) => admission.tryTake(tenant, 110, 'first-seen'))).toEqual(
      Array(9).fill(true),
    );
    expect(admission.tryTake(tenantA, 110, 'first-seen')).toBe(false);
  });
});
