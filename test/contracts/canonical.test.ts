import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { artifactSchema } from '../../contracts/artifact.ts';
import {
  canonicalCommandLine,
  canonicalDomain,
  canonicalIp,
  canonicalUrl,
  entryId,
  identifyArtifact,
  namedArtifactKeySchema,
  uuidOf,
} from '../../contracts/canonical.ts';
import { isFirebreakError } from '../../contracts/errors.ts';
import { tenantOf, deviceOf, keyOf } from '../engine/samples.ts';
import vectors from '../../contracts/vectors/artifact-keys.json' with { type: 'json' };

describe('artifact keys', () => {
  test.each(vectors)('$says', ({ artifact, key, evidence, ...rest }) => {
    expect(identifyArtifact(artifactSchema.parse(artifact))).toEqual({ key, evidence });
    if ('canonical' in rest) expect(canonicalCommandLine(artifact.text ?? '')).toBe(rest.canonical);
  });

  test('what nothing identifies is refused by code', () => {
    for (const artifact of [
      { kind: 'file' },
      { kind: 'script', text: '' },
      { kind: 'domain', value: 'not a domain' },
      { kind: 'ip', value: '10.0.0.0/8' },
      { kind: 'url', value: 'javascript:alert(1)' },
      { kind: 'certificate' },
    ]) {
      let thrown: unknown;
      try {
        identifyArtifact(artifactSchema.parse(artifact));
      } catch (error) {
        thrown = error;
      }
      expect(isFirebreakError(thrown) && thrown.code).toBe('FB_ARTIFACT_UNIDENTIFIED');
    }
  });

  test('a digest that is not that of the text is refused', () => {
    const artifact = artifactSchema.parse({ kind: 'script', text: 'x', hash: { sha256: '0'.repeat(64) } });
    expect(() => identifyArtifact(artifact)).toThrow('has the SHA-256');
  });

  test('a cut text is testimony, and known by the digest of the whole', () => {
    const artifact = artifactSchema.parse({
      kind: 'script',
      text: 'head…tail',
      truncated: true,
      size: 999_999,
      hash: { sha256: 'aa'.repeat(32) },
    });
    expect(identifyArtifact(artifact)).toEqual({
      key: `script:sha256:${'aa'.repeat(32)}`,
      evidence: 'testimony',
    });
  });

  /** Of what the canonical form looks at: quotes, blanks, capitals, profile folders. */
  const commandLine = fc.string({
    unit: fc.constantFrom('"', ' ', 'A', 'b', '\\', '.', "'", 'C:\\Users\\x', '%USERPROFILE%', 'İ', '\u00a0'),
    maxLength: 12,
  });

  test('canonical forms are stable: what is canonical stays as it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ maxLength: 200 }), commandLine),
        (text) => canonicalCommandLine(canonicalCommandLine(text)) === canonicalCommandLine(text),
      ),
      { numRuns: 5000 },
    );
    fc.assert(
      fc.property(
        fc.domain(),
        (name) => canonicalDomain(canonicalDomain(name) ?? '') === canonicalDomain(name),
      ),
    );
    fc.assert(fc.property(fc.ipV6(), (ip) => canonicalIp(canonicalIp(ip) ?? '') === canonicalIp(ip)));
    fc.assert(fc.property(fc.webUrl(), (url) => canonicalUrl(canonicalUrl(url) ?? '') === canonicalUrl(url)));
  });
});

describe('a key that somebody names', () => {
  const digest = 'ab'.repeat(32);

  test.each([
    ['domain:Example.ORG.', 'domain:example.org'],
    ['domain:münchen.de', 'domain:xn--mnchen-3ya.de'],
    ['ip:2001:DB8:0::1', 'ip:2001:db8::1'],
    ['ip:::ffff:192.0.2.1', 'ip:192.0.2.1'],
    [`FILE:SHA256:${digest.toUpperCase()}`, `file:sha256:${digest}`],
    [`script:sha256:${digest}`, `script:sha256:${digest}`],
  ])('%s is %s, as reports have it', (named, key) => {
    expect(namedArtifactKeySchema.parse(named)).toBe(key);
  });

  test.each([
    '',
    'domain:',
    'ip:',
    'ip:010.0.0.1',
    'ip:10.0.0.0/8',
    'domain:a b',
    'domain:-a.org',
    'file:sha256:ab',
  ])('“%s” is refused', (named) => {
    expect(namedArtifactKeySchema.safeParse(named).success).toBe(false);
  });
});

describe('derived ids', () => {
  test('are UUIDs of version 8', () => {
    expect(uuidOf('anything')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  test('one verdict of an artifact and a subject has one id, and no other has it', () => {
    const [tenantId, deviceId] = [tenantOf('alpha'), deviceOf('alpha-1')];
    const ids = [
      entryId(keyOf(1), 'ecosystem', { tenantId: null, deviceId: null }),
      entryId(keyOf(1), 'tenant', { tenantId, deviceId: null }),
      entryId(keyOf(1), 'device', { tenantId, deviceId }),
      entryId(keyOf(2), 'tenant', { tenantId, deviceId: null }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    expect(entryId(keyOf(1), 'tenant', { tenantId, deviceId: null })).toBe(ids[1]);
  });
});
