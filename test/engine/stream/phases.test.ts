import { describe, expect, test } from '@jest/globals';
import type { StateChange } from '../../../engine/stream/change.ts';
import { orderFlush, phaseOf } from '../../../engine/stream/phases.ts';
import { decidedEntry, ownEntry, revocationOf } from '../../support/entries.ts';

function ordered(changes: readonly StateChange[]): readonly StateChange[] {
  return orderFlush(
    changes.map((change) => ({
      change,
      id: change.data.id,
      revision: change.data.revision,
      phase: phaseOf(change),
    })),
  ).map(({ change }) => change);
}

const block = { event: 'entry', data: decidedEntry(1) } as const;
const allow = { event: 'entry', data: ownEntry(2) } as const;
const ownBlock = { event: 'entry', data: ownEntry(3, 1, { action: 'block' }) } as const;
const gone = { event: 'revocation', data: revocationOf(decidedEntry(4)) } as const;

describe('order of a flush', () => {
  test('revocations come first, then what the tenant allows, then the rest as it came', () => {
    expect(ordered([block, ownBlock, allow, gone])).toEqual([gone, allow, block, ownBlock]);
  });

  test('an entry stands once, in its highest revision', () => {
    const later = { event: 'entry', data: decidedEntry(1, 3) } as const;
    expect(ordered([later, block])).toEqual([later]);
    expect(ordered([block, later])).toEqual([later]);
  });

  test('an entry beats a revocation of any revision, whichever comes first', () => {
    for (const revision of [1, 2, 3]) {
      const revoked = { event: 'revocation', data: revocationOf(ownEntry(2), revision) } as const;
      const targeted = { event: 'entry', data: ownEntry(2, 2) } as const;
      expect(ordered([revoked, targeted])).toEqual([targeted]);
      expect(ordered([targeted, revoked])).toEqual([targeted]);
    }
  });
});
