import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { artifactKeySchema } from '../../../contracts/artifact.ts';
import type { Evidence } from '../../../engine/correlate/evidence.ts';
import { defaultDecisionConfig, logOdds, probabilityOf } from '../../../engine/decide/config.ts';
import { decide } from '../../../engine/decide/decide.ts';
import { sumOf } from '../../../engine/decide/terms.ts';
import { decideInput, scriptKeyOf, tenantOf, witness } from '../samples.ts';

const config = defaultDecisionConfig;
const confirmation = (name: string, micronats = config.blockMicronats) => ({
  tenantId: tenantOf(name),
  micronats,
});
const finding = (micronats: number, sourceKey = 'command-line:a') => ({
  micronats,
  relation: 'process-image' as const,
  threatName: null,
  sourceKey,
});

const evidenceArbitrary: fc.Arbitrary<Partial<Evidence>> = fc.record({
  own: fc
    .uniqueArray(
      fc.record({
        classifier: fc.constantFrom('a', 'b', 'c', 'd'),
        probability: fc.double({ min: 0, max: 1, noNaN: true }),
        content: fc.boolean(),
      }),
      { selector: ({ classifier }) => classifier },
    )
    .map((list) => list.map((item) => witness(item.probability, item))),
  findings: fc.array(
    fc.integer({ min: 1, max: 6_000_000 }).map((micronats) => finding(micronats)),
    { maxLength: 4 },
  ),
  othersConfirmed: fc.array(
    fc.integer({ min: 0, max: 9_000_000 }).map((micronats) => confirmation(String(micronats), micronats)),
    { maxLength: 4 },
  ),
  devices: fc.integer({ min: 1, max: 1024 }),
});

describe('decide', () => {
  test('without evidence nothing is found, for the device that asked', () => {
    expect(decide(decideInput({}))).toMatchObject({
      verdict: 'no-threats-found',
      action: 'allow',
      reach: 'device',
      reason: 'no-evidence',
    });
  });

  test('a classifier at its own threshold is, alone, exactly a block in its tenant', () => {
    const at = decide(decideInput({ own: [witness(0.95)] }));
    expect(at).toMatchObject({
      verdict: 'malicious',
      blockFrom: 'default',
      reach: 'tenant',
      action: 'block-and-remediate',
      reason: 'tenant-evidence',
    });
    expect(at.sumMicronats).toBe(config.blockMicronats);
    expect(decide(decideInput({ own: [witness(0.9499)] })).verdict).toBe('suspicious');
  });

  test('testimony never leaves the tenant, however strong', () => {
    fc.assert(
      fc.property(evidenceArbitrary, (evidence) => {
        const judgement = decide(decideInput({ ...evidence, content: [], othersConfirmed: [] }));
        expect(judgement.reach).not.toBe('ecosystem');
      }),
    );
  });

  test('content evidence reaches every organization', () => {
    const strong = witness(0.999, { classifier: 'rules', content: true, tactic: 'credential-access' });
    const judgement = decide(
      decideInput({ own: [strong], content: [strong] }, { artifactKey: scriptKeyOf(1), kind: 'script' }),
    );
    expect(judgement).toMatchObject({
      verdict: 'malicious',
      reach: 'ecosystem',
      reason: 'content-evidence',
      action: 'block',
      threatName: 'Trojan:Script/CredentialAccess.A!ml',
      severity: 'high',
    });
  });

  test('a script is named by the engine whose classifier had its say', () => {
    const strong = witness(0.999, { classifier: 'script', content: true, tactic: 'execution' });
    const input = decideInput(
      { own: [strong], content: [strong] },
      { artifactKey: scriptKeyOf(1), kind: 'script' },
    );
    expect(decide(input).threatName).toBe('Trojan:PowerShell/Execution.A!ml');
  });

  test('a score that is weak by construction never blocks alone', () => {
    expect(decide(decideInput({ own: [witness(0.999999, { capped: true })] })).verdict).toBe(
      'no-threats-found',
    );
  });

  test('the sum is exactly the sum of its terms', () => {
    fc.assert(
      fc.property(evidenceArbitrary, (evidence) => {
        const { terms, sumMicronats } = decide(decideInput(evidence));
        expect(sumOf(terms)).toBe(sumMicronats);
        expect(terms.every(({ micronats }) => Number.isSafeInteger(micronats))).toBe(true);
      }),
    );
  });

  test('the same inputs give the same bytes', () => {
    fc.assert(
      fc.property(
        evidenceArbitrary,
        (evidence) =>
          JSON.stringify(decide(decideInput(evidence))) ===
          JSON.stringify(decide(decideInput(structuredClone(evidence)))),
      ),
    );
  });

  test('a higher probability of any classifier never lowers the sum', () => {
    fc.assert(
      fc.property(
        evidenceArbitrary,
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (evidence, pick, raise) => {
          const own = evidence.own ?? [];
          const index = own.length === 0 ? 0 : pick % own.length;
          const raised = own.map((item, at) =>
            at === index ? { ...item, probability: item.probability + (1 - item.probability) * raise } : item,
          );
          const [before, after] = [
            decide(decideInput(evidence)),
            decide(decideInput({ ...evidence, own: raised })),
          ];
          expect(after.sumMicronats).toBeGreaterThanOrEqual(before.sumMicronats);
        },
      ),
    );
  });

  test('one finding against an unknown image is a block in its tenant, by its behaviour', () => {
    expect(decide(decideInput({ findings: [finding(config.processImageMicronats)] }))).toMatchObject({
      verdict: 'malicious',
      reach: 'tenant',
      reason: 'behavior',
    });
  });

  test('one finding against an image that 200 devices have is no block', () => {
    expect(
      decide(decideInput({ findings: [finding(config.processImageMicronats)], devices: 200 })).verdict,
    ).not.toBe('malicious');
  });

  test('two established tenants that confirm on their own carry testimony to every organization', () => {
    const judgement = decide(decideInput({ own: [witness(0.99)], othersConfirmed: [confirmation('beta')] }));
    expect(judgement).toMatchObject({ reach: 'ecosystem', reason: 'tenant-consensus' });
  });

  test('no number of tenants that are not established makes a consensus', () => {
    const others = Array.from({ length: 60 }, (_, n) => confirmation(`new ${n}`, 9_000_000));
    const judgement = decide(
      decideInput({ own: [witness(0.999)], othersConfirmed: others }, { trustOf: () => 'new' }),
    );
    expect(judgement.reach).toBe('tenant');
  });

  test('all other tenants together never block where the tenant itself has no evidence', () => {
    const others = Array.from({ length: 60 }, (_, n) => confirmation(`liar ${n}`, 9_000_000));
    const judgement = decide(decideInput({ othersConfirmed: others }));
    expect(judgement.verdict).not.toBe('malicious');
    expect(config.priorMicronats + config.otherTenantsMicronats).toBeLessThan(config.blockMicronats);
  });

  test('a suspended tenant has no influence', () => {
    const judgement = decide(
      decideInput({ othersConfirmed: [confirmation('beta', 9_000_000)] }, { trustOf: () => 'suspended' }),
    );
    expect(judgement.terms.some(({ own }) => !own)).toBe(false);
  });

  test('a protected publisher’s file is audited, never blocked', () => {
    const guards = [{ tenantId: tenantOf('alpha'), guard: 'protected-publisher' as const }];
    expect(decide(decideInput({ own: [witness(0.999)], guards }))).toMatchObject({
      action: 'audit',
      remediation: [],
    });
  });

  test('an established tenant that knows a file as protected keeps the block in the tenant that saw it misbehave', () => {
    const guards = [{ tenantId: tenantOf('gamma'), guard: 'protected-publisher' as const }];
    expect(
      decide(decideInput({ own: [witness(0.99)], othersConfirmed: [confirmation('beta')], guards })).reach,
    ).toBe('tenant');
  });

  test('what more devices have than the allowance goes out in audit', () => {
    const strong = witness(0.9999, { classifier: 'rules', content: true });
    const second = witness(0.9999, { classifier: 'behavior', content: true });
    const judgement = decide(
      decideInput(
        { own: [strong, second], content: [strong, second], devices: config.allowanceDevices + 1 },
        { artifactKey: scriptKeyOf(1), kind: 'script' },
      ),
    );
    expect(judgement).toMatchObject({ reach: 'ecosystem', action: 'audit' });
  });

  test('a storm of ecosystem blocks trips the breaker', () => {
    const strong = witness(0.999, { content: true });
    const input = decideInput(
      { own: [strong], content: [strong] },
      { artifactKey: scriptKeyOf(1), kind: 'script', recentEcosystemBlocks: config.breakerBlocksPerMinute },
    );
    const judgement = decide(input);
    expect(judgement.reach).toBe('tenant');
    expect(judgement.steps.map(({ step }) => step)).toContain('breaker');
  });

  test('while signals are away nothing leaves the tenant', () => {
    const strong = witness(0.999, { content: true });
    expect(
      decide(
        decideInput(
          { own: [strong], content: [strong] },
          { artifactKey: scriptKeyOf(1), kind: 'script', degraded: true },
        ),
      ).reach,
    ).toBe('tenant');
  });

  test('a file known by MD5 only never leaves its tenant', () => {
    const artifactKey = artifactKeySchema.parse(`file:md5:${'0'.repeat(32)}`);
    expect(
      decide(decideInput({ own: [witness(0.99)], othersConfirmed: [confirmation('beta')] }, { artifactKey }))
        .reach,
    ).toBe('tenant');
  });

  test('log-odds and probability are inverse', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (p) => Math.abs(probabilityOf(logOdds(p)) - p) < 1e-6,
      ),
    );
  });
});
