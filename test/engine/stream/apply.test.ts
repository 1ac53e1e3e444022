import { describe, expect, test } from '@jest/globals';
import { subjectKey, type Subject } from '../../../contracts/canonical.ts';
import { isNews, readVerdictKey } from '../../../engine/stream/apply.ts';
import { decidedEntry, deviceA1, ecosystem, tenantA } from '../../support/entries.ts';

describe('readers of verdicts and control', () => {
  test('apply what is new and ignore ties and the past', () => {
    expect(isNews(undefined, 1)).toBe(true);
    expect(isNews(3, 4)).toBe(true);
    expect(isNews(3, 3)).toBe(false);
    expect(isNews(3, 2)).toBe(false);
  });

  test.each<Subject>([
    ecosystem,
    { tenantId: tenantA, deviceId: null },
    { tenantId: tenantA, deviceId: deviceA1 },
  ])('read id and subject back from the key of a record %#', (subject) => {
    const entry = decidedEntry(1, 1, subject);
    expect(readVerdictKey(`${entry.key} ${subjectKey(subject)}`)).toEqual({
      id: entry.id,
      key: entry.key,
      reach: entry.reach,
      subject,
    });
  });

  test.each(['', 'ecosystem', 'file:sha256:00 ecosystem', `${decidedEntry(1).key} nobody`])(
    'refuse the key %j',
    (key) => {
      expect(readVerdictKey(key)).toBeNull();
    },
  );
});
