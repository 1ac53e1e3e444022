import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { entryIdSchema, toTimestamp, type Timestamp } from '../../../contracts/ids.ts';
import { uuidOf } from '../../../contracts/canonical.ts';
import { artifactKeySchema } from '../../../contracts/artifact.ts';
import { actions, blockLevels, reason, type Action } from '../../../contracts/domain.ts';
import type { DecidedEntry, Entry, OwnEntry, Targets } from '../../../contracts/entry.ts';
import { defaultPolicy } from '../../../contracts/policy.ts';
import { effective } from '../../../engine/effective/effective.ts';
import { deviceOf } from '../samples.ts';

const now = toTimestamp(Date.UTC(2026, 0, 1));
const later = toTimestamp(Date.UTC(2026, 0, 2));
const fileKey = artifactKeySchema.parse(`file:sha256:${'0'.repeat(64)}`);
const domainKey = artifactKeySchema.parse('domain:example.org');
const here = { deviceId: deviceOf('here'), runningMode: 'active' } as const;

function decided(action: Action, more: Partial<DecidedEntry> = {}): DecidedEntry {
  return {
    id: entryIdSchema.parse(uuidOf(`decided ${action} ${more.reach ?? ''} ${more.blockFrom ?? ''}`)),
    revision: 1,
    key: fileKey,
    source: 'decision',
    reach: 'tenant',
    verdict: 'malicious',
    action,
    blockFrom: 'default',
    remediation: [],
    severity: 'medium',
    reason: reason('tenant-evidence'),
    decidedAt: now,
    expiresAt: later,
    ...more,
  };
}

function own(action: Action, targets: Targets = { all: true }, more: Partial<OwnEntry> = {}): OwnEntry {
  const id = entryIdSchema.parse(uuidOf(`own ${action} ${JSON.stringify(targets)}`));
  return {
    id,
    revision: 1,
    key: fileKey,
    source: 'own',
    action,
    targets,
    blockFrom: 'default',
    remediation: [],
    severity: 'medium',
    reason: reason('override-allow'),
    decidedAt: now,
    expiresAt: null,
    ...more,
  };
}

const act = (
  entries: readonly Entry[],
  policy = {},
  device: Parameters<typeof effective>[2] = here,
  at: Timestamp = now,
) => effective(entries, { ...defaultPolicy, ...policy }, device, at).action;

describe('effective', () => {
  test('nothing in force: nothing to do', () => {
    expect(act([])).toBeNull();
    expect(act([decided('block')], {}, here, later)).toBeNull();
  });

  test('own entries come before decided ones', () => {
    expect(act([decided('block'), own('allow')])).toBe('allow');
    expect(act([decided('allow', { verdict: 'no-threats-found' }), own('block')])).toBe('block');
  });

  test('files: a block beats an allow; network artifacts: an allow beats a warning beats a block', () => {
    expect(act([own('allow'), own('block'), own('warn')])).toBe('block');
    const onDomain = (action: Action) => own(action, { all: true }, { key: domainKey });
    expect(act([onDomain('block'), onDomain('warn')])).toBe('warn');
    expect(act([onDomain('block'), onDomain('warn'), onDomain('allow')])).toBe('allow');
  });

  test('an own entry for single devices comes before one for all, and counts for those devices only', () => {
    const entries = [own('block'), own('allow', { deviceIds: [deviceOf('here')] })];
    expect(act(entries)).toBe('allow');
    expect(act(entries, {}, { deviceId: deviceOf('there'), runningMode: 'active' })).toBe('block');
  });

  test('the strongest decided entry that the block level reaches counts', () => {
    const weak = decided('block', { blockFrom: 'high', verdict: 'suspicious' });
    const strong = decided('block-and-remediate', { reach: 'ecosystem' });
    expect(act([weak, strong])).toBe('block-and-remediate');
    expect(act([weak])).toBe('audit');
    expect(act([weak], { blockLevel: 'high' })).toBe('block');
    expect(act([weak], { blockLevel: 'zero-tolerance' })).toBe('block');
  });

  test('an audit-only policy and a device that does not enforce only audit', () => {
    expect(act([decided('block')], { enforce: 'audit' })).toBe('audit');
    expect(act([decided('block')], {}, { ...here, runningMode: 'passive' })).toBe('audit');
    expect(act([decided('block')], { edrBlockMode: true }, { ...here, runningMode: 'passive' })).toBe(
      'block',
    );
    expect(act([decided('block')], { edrBlockMode: true }, { ...here, runningMode: 'disabled' })).toBe(
      'audit',
    );
  });

  test('the order in which entries arrived does not matter', () => {
    const entryArbitrary = fc.oneof(
      fc
        .record({
          action: fc.constantFrom(...actions),
          blockFrom: fc.constantFrom(...blockLevels),
          reach: fc.constantFrom('tenant' as const, 'ecosystem' as const),
        })
        .map(({ action, ...more }) => decided(action, more)),
      fc
        .record({ action: fc.constantFrom(...actions), all: fc.boolean() })
        .map(({ action, all }) => own(action, all ? { all: true } : { deviceIds: [deviceOf('here')] })),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(entryArbitrary, { selector: ({ id }) => id, maxLength: 8 }),
        fc.constantFrom(...blockLevels),
        (entries, blockLevel) => {
          const policy = { ...defaultPolicy, blockLevel };
          expect(effective([...entries].reverse(), policy, here, now)).toEqual(
            effective(entries, policy, here, now),
          );
        },
      ),
    );
  });

  test('a stricter block level never does less', () => {
    const rank = (action: Action | null) => (action === null ? actions.length : actions.indexOf(action));
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(...blockLevels).map((blockFrom) => decided('block', { blockFrom })),
          { maxLength: 4 },
        ),
        fc.nat(3),
        (entries, at) => {
          const [lower, higher] = [blockLevels[at], blockLevels[at + 1]];
          expect(rank(act(entries, { blockLevel: higher }))).toBeLessThanOrEqual(
            rank(act(entries, { blockLevel: lower })),
          );
        },
      ),
    );
  });
});
