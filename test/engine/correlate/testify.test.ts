import { describe, expect, test } from '@jest/globals';
import { testify } from '../../../engine/correlate/testify.ts';
import { defaultDecisionConfig } from '../../../engine/decide/config.ts';
import { decide } from '../../../engine/decide/decide.ts';
import { acceptedReport } from '../../support/reports.ts';
import { decideInput, domainKeyOf, scriptKeyOf, witness } from '../samples.ts';

const config = defaultDecisionConfig;
const condemned = decide(
  decideInput({ own: [witness(0.999)] }, { kind: 'command-line', artifactKey: scriptKeyOf(1) }),
);
const harmless = decide(decideInput({}));
const contacting = acceptedReport({
  artifact: { kind: 'command-line', text: 'vssadmin.exe delete shadows /all /quiet' },
  destination: { domain: 'Host.Example.ORG', ip: '8.8.8.8' },
  url: { full: 'https://host.example.org/a#b' },
});

describe('testify', () => {
  test('a condemned behaviour testifies against the domain, the address and the URL that it contacted', () => {
    const findings = testify(contacting, condemned, config, 0);
    expect(findings.map(({ targetKey }) => targetKey)).toEqual([
      'domain:host.example.org',
      'ip:8.8.8.8',
      expect.stringMatching(/^url:sha256:/),
    ]);
    for (const finding of findings)
      expect(finding).toMatchObject({ relation: 'destination', micronats: config.destinationMicronats });
    expect(testify(contacting, harmless, config, 0)).toEqual([]);
  });

  test('what was contacted is not suspected for that, however often; with support it is blocked in its tenant', () => {
    const findings = Array.from({ length: 20 }, (_, index) => ({
      ...{ micronats: config.destinationMicronats, relation: 'destination' as const, threatName: null },
      sourceKey: `command-line:${index}`,
    }));
    const domain = { kind: 'domain', artifactKey: domainKeyOf('host.example.org') } as const;
    expect(decide(decideInput({ findings }, domain))).toMatchObject({ verdict: 'no-threats-found' });
    const own = [witness(0.99, { classifier: 'network', supportsOnly: true })];
    expect(decide(decideInput({ findings: findings.slice(0, 1), own }, domain))).toMatchObject({
      verdict: 'malicious',
      action: 'block',
      reach: 'tenant',
      reason: 'behavior',
    });
  });
});
