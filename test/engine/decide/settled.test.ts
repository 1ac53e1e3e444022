import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClassifierProfile } from '../../../contracts/classifier-profile.ts';
import type { Witness } from '../../../engine/correlate/evidence.ts';
import { decide, type DecideInput } from '../../../engine/decide/decide.ts';
import { isSettled } from '../../../engine/decide/settled.ts';
import { decideInput, scriptKeyOf, tenantOf, witness } from '../samples.ts';

const missing: ClassifierProfile = {
  id: 'missing',
  version: '1',
  featureSchemaVersion: 1,
  tier: 'fast',
  accepts: ['script'],
  baseRate: 0.5,
  threshold: 0.95,
};
const script = { kind: 'script', artifactKey: scriptKeyOf(1) } as const;
const enforced = (input: DecideInput) => {
  const { verdict, blockFrom, reach, action } = decide(input);
  return { verdict, blockFrom, reach, action };
};

describe('isSettled', () => {
  test('content beyond doubt is: nobody can take it back or further', () => {
    const sure = witness(0.9999, { content: true });
    expect(isSettled(decideInput({ own: [sure], content: [sure] }, script), [missing])).toBe(true);
  });

  test('testimony beyond doubt is not while content may still carry it to others', () => {
    const sure = witness(0.9999);
    expect(isSettled(decideInput({ own: [sure] }, script), [missing])).toBe(false);
    expect(isSettled(decideInput({ own: [sure] }, { ...script, degraded: true }), [missing])).toBe(true);
  });

  test('what is only just a block is not, nor what is none yet', () => {
    const close = witness(0.951, { content: true });
    expect(isSettled(decideInput({ own: [close], content: [close] }, script), [missing])).toBe(false);
    expect(isSettled(decideInput({}, script), [missing])).toBe(false);
  });

  test('whatever the missing one says, or does not, a settled outcome stays as it is', () => {
    const probability = fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0.99, max: 1, noNaN: true }),
    );
    const words = fc
      .record({ probability, content: fc.boolean(), capped: fc.boolean() })
      .map(({ probability: p, ...more }) => witness(p, more));
    const answer = fc.option(
      fc.record({ probability, content: fc.option(probability), capped: fc.boolean() }),
    );
    let settled = 0;
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 3 }),
        fc.option(words),
        answer,
        fc.integer({ min: 1, max: 2000 }),
        fc.array(fc.integer({ min: 0, max: 9_000_000 }), { maxLength: 3 }),
        fc.boolean(),
        (present, earlier, said, devices, confirmations, degraded) => {
          const own = present.map((word, index) => ({ ...word, classifier: `c${index}` }));
          const before = earlier === null ? [] : [{ ...earlier, classifier: missing.id }];
          const input = (later: readonly Witness[]) => {
            const all = [...own, ...later];
            const content = all.filter((word) => word.content);
            const othersConfirmed = confirmations.map((micronats, index) => ({
              tenantId: tenantOf(String(index)),
              micronats,
            }));
            return decideInput({ own: all, content, othersConfirmed, devices }, { ...script, degraded });
          };
          if (!isSettled(input(before), [missing])) return;
          settled += 1;
          const word =
            said === null
              ? before
              : [
                  witness(Math.max(said.probability, said.content ?? 0), {
                    classifier: missing.id,
                    capped: said.capped,
                    content: said.content !== null,
                  }),
                ];
          expect(enforced(input(word))).toEqual(enforced(input(before)));
        },
      ),
      { numRuns: 3000 },
    );
    expect(settled).toBeGreaterThan(100);
  });
});
