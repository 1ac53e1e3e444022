import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { blockLevels } from '../../../contracts/domain.ts';
import { timestampSchema } from '../../../contracts/ids.ts';
import { defaultPolicy } from '../../../contracts/policy.ts';
import { defaultDecisionConfig } from '../../../engine/decide/config.ts';
import { decide, type DecideInput } from '../../../engine/decide/decide.ts';
import { isSettled } from '../../../engine/decide/settled.ts';
import { plan } from '../../../engine/decide/plan.ts';
import { effective } from '../../../engine/effective/effective.ts';
import { decideInput, deviceOf, domainKeyOf, witness } from '../samples.ts';

const config = defaultDecisionConfig;
const domain = { kind: 'domain', artifactKey: domainKeyOf('example.org') } as const;
const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });

/** Any number of classifiers that only support, whatever they say and however they are calibrated. */
const supportArbitrary = fc
  .array(
    fc.record({
      probability: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(1)),
      baseRate: share,
      threshold: share,
      capped: fc.boolean(),
      content: fc.boolean(),
    }),
    { maxLength: 8 },
  )
  .map((words) =>
    words.map((word, index) =>
      witness(word.probability, { ...word, classifier: `network-${index}`, supportsOnly: true }),
    ),
  );

/** What the devices of the tenant, or of all, saw; none of it speaks against the artifact. */
const sightingsArbitrary = fc.record({
  devices: fc.integer({ min: 1, max: 1024 }),
  ownDevices: fc.integer({ min: 1, max: 1024 }),
  tenants: fc.integer({ min: 1, max: 50 }),
});

/** What a device of the tenant does by the entry that follows, at every block level. */
function actionsAtEveryLevel(input: DecideInput): readonly (string | null)[] {
  const nowMs = Date.parse('2026-01-01T00:00:00Z');
  const planned = plan({
    judgement: decide(input),
    artifactKey: input.artifactKey,
    tenantId: input.tenantId,
    deviceId: deviceOf('one'),
    standing: { ecosystem: null, tenant: null, answered: false },
    nowMs,
  });
  if (planned.kind === 'nothing') return [];
  return blockLevels.map((blockLevel) => {
    const policy = { ...defaultPolicy, blockLevel };
    const device = { deviceId: deviceOf('one'), runningMode: 'active' } as const;
    return effective([planned.entry], policy, device, timestampSchema.parse('2026-01-01T00:00:01Z')).action;
  });
}

describe('a classifier that only supports', () => {
  test('blocks nothing at any level, alone or with any number of its like, whatever the sightings', () => {
    fc.assert(
      fc.property(supportArbitrary, sightingsArbitrary, fc.boolean(), (own, sightings, degraded) => {
        const content = own.filter((word) => word.content);
        const input = decideInput({ own, content, ...sightings }, { ...domain, degraded });
        const { verdict, action, reach } = decide(input);
        expect(verdict).not.toBe('malicious');
        expect(['audit', 'allow']).toContain(action);
        expect(reach).not.toBe('ecosystem');
        for (const done of actionsAtEveryLevel(input)) expect(['audit', 'allow', null]).toContain(done);
      }),
      { numRuns: 200 },
    );
  });

  test('added to other evidence, never lowers the sum, and never counts as content', () => {
    const others = fc.array(
      fc.record({ probability: fc.double({ min: 0, max: 1, noNaN: true }), content: fc.boolean() }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(others, supportArbitrary, sightingsArbitrary, (words, support, sightings) => {
        const own = words.map((word, index) =>
          witness(word.probability, { ...word, classifier: `c${index}` }),
        );
        const judged = (witnesses: typeof own) =>
          decide(
            decideInput(
              { own: witnesses, content: witnesses.filter(({ content }) => content), ...sightings },
              domain,
            ),
          );
        const [without, together] = [judged(own), judged([...own, ...support])];
        expect(together.sumMicronats).toBeGreaterThanOrEqual(without.sumMicronats);
        expect(together.contentSumMicronats).toBe(without.contentSumMicronats);
        expect(together.sumMicronats - without.sumMicronats).toBeLessThanOrEqual(config.supportMicronats);
      }),
      { numRuns: 200 },
    );
  });

  test('all support together lacks something of a block', () => {
    expect(config.priorMicronats + config.supportMicronats).toBeLessThan(config.blockMicronats);
  });

  test('alone it is suspicion that is told and audited, with the step that says why', () => {
    const own = [witness(1, { classifier: 'network', supportsOnly: true, content: true })];
    const alone = decide(decideInput({ own, content: own }, domain));
    expect(alone).toMatchObject({ verdict: 'suspicious', action: 'audit', reach: 'tenant', remediation: [] });
    expect(alone.steps).toContainEqual(expect.objectContaining({ step: 'support', outcome: 'audit' }));
    expect(alone.terms).toContainEqual(
      expect.objectContaining({
        name: 'support:network',
        micronats: config.supportMicronats,
        content: false,
      }),
    );
  });

  test('makes a block of what others say that is none yet', () => {
    const said = witness(0.8, { classifier: 'rules' });
    const support = witness(0.99, { classifier: 'network', supportsOnly: true });
    expect(decide(decideInput({ own: [said] }, domain)).verdict).not.toBe('malicious');
    expect(decide(decideInput({ own: [said, support] }, domain))).toMatchObject({
      verdict: 'malicious',
      action: 'block',
      reach: 'tenant',
    });
  });

  test('is not waited for where it cannot change what is enforced', () => {
    const network = {
      ...{ id: 'network', version: '1', featureSchemaVersion: 1, tier: 'fast' as const },
      ...{ accepts: ['domain' as const], baseRate: 0.5, threshold: 0.9, supportsOnly: true },
    };
    const settled = (probability: number) => {
      const own = [witness(probability)];
      return isSettled(decideInput({ own }, domain), [network]);
    };
    expect(settled(0.9999)).toBe(true);
    expect(settled(0.7)).toBe(false);
  });
});
