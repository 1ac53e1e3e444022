import { describe, expect, test } from '@jest/globals';
import { subjectKey } from '../../../contracts/canonical.ts';
import { reportIdSchema } from '../../../contracts/ids.ts';
import type { ControlRecord, VerdictRecord } from '../../../contracts/records.ts';
import { encodeCursor } from '../../../engine/stream/cursor.ts';
import { digestText, emptyDigest, withEntry } from '../../../engine/stream/digest.ts';
import { judge } from '../../../scripts/torture/checks.ts';
import type { Evidence } from '../../../scripts/torture/evidence.ts';
import type { LoggedRecord } from '../../../scripts/torture/log-state.ts';
import { outcomeOf } from '../../../scripts/torture/outcome.ts';
import { decidedEntry, deviceA1, deviceA2, ecosystem, ownEntry, tenantA } from '../../support/entries.ts';

/** What a run leaves behind in which all went well: two verdicts, two reports, one override. */
const wide = decidedEntry(1, 1);
const second = decidedEntry(1, 2);
const narrow = decidedEntry(2, 1, { tenantId: tenantA, deviceId: null });
const own = ownEntry(3);
const state = [second, narrow, own].reduce(withEntry, emptyDigest);
const held = { count: state.count, digest: digestText(state) };

function logged(entry: typeof wide, offset: number): LoggedRecord<VerdictRecord> {
  const subject = entry.reach === 'ecosystem' ? ecosystem : { tenantId: tenantA, deviceId: null };
  const reportId = reportIdSchema.parse('018f0000-0000-7000-8000-000000000001');
  const origin = { tenantId: tenantA, deviceId: deviceA2, reportId };
  const value: VerdictRecord = { kind: 'entry', subject, entry, origin, writer: 'test' };
  return { partition: 0, offset, key: `${entry.key} ${subjectKey(subject)}`, value };
}

function decision(entry: typeof wide, id: string) {
  const { verdict, action, blockFrom, key: artifact, revision } = entry;
  return { id, entryId: entry.id, revision, artifact, verdict, action, blockFrom };
}

const control: ControlRecord = { kind: 'own-entry', version: 1, tenantId: tenantA, entry: own };
const outcome = outcomeOf(new Map([['alpha', [second, narrow, own]]]));
const work = { tenant: 'alpha', artifact: own.key, comment: 'as planned', revision: 1 };

const sound: Evidence = {
  accepted: new Map([['alpha', ['r1', 'r2']]]),
  planned: 2,
  history: {
    reports: new Map([['alpha', ['r2', 'r1']]]),
    sightings: [{ artifact: wide.key, tenantId: tenantA, reports: 2, counted: 2 }],
    decisions: [decision(wide, 'd1'), decision(second, 'd2'), decision(narrow, 'd3')],
    entries: new Map([
      [wide.id, 2],
      [narrow.id, 1],
    ]),
    overrides: [work],
    audit: [work],
  },
  subscribers: [
    {
      tenant: 'alpha',
      tenantId: tenantA,
      deviceId: deviceA1,
      held,
      cursor: encodeCursor({ issuedAtMs: 0, offsets: [3, 1] }, 'the log'),
      snapshots: [held],
      complaints: [],
    },
  ],
  outcome,
  expected: outcome,
  plannedOverrides: [work],
  log: {
    identity: 'the log',
    partitions: 1,
    verdicts: [logged(wide, 0), logged(second, 1), logged(narrow, 2)],
    control: [{ partition: 0, offset: 0, key: `own:${own.id}`, value: control }],
    deadLetters: 0,
    unreadable: [],
  },
  lag: 0,
  unready: [],
  crashes: [],
  refusals: [],
  failedFaults: [],
};

const { history, log } = sound;
const [subscriber] = sound.subscribers;
if (subscriber === undefined) throw new Error('There is no subscriber.');

const failing = (evidence: Evidence) =>
  judge(evidence)
    .filter(({ passed }) => !passed)
    .map(({ name, problems }) => `${name}: ${problems.join('; ')}`);

const withHistory = (changed: Partial<Evidence['history']>): Evidence => ({
  ...sound,
  history: { ...history, ...changed },
});
const withSubscriber = (changed: Partial<typeof subscriber>): Evidence => ({
  ...sound,
  subscribers: [{ ...subscriber, ...changed }],
});

test('a run that left everything right passes every check', () => {
  expect(failing(sound)).toEqual([]);
  expect(judge(sound).length).toBeGreaterThan(8);
});

describe('a check fails, and names the culprit, where', () => {
  const cases: Readonly<Record<string, readonly [Evidence, RegExp]>> = {
    'an accepted report is lost': [
      withHistory({ reports: new Map([['alpha', ['r2']]]) }),
      /history once: alpha: report r1 .* lost/,
    ],
    'a report stands twice': [
      withHistory({ reports: new Map([['alpha', ['r1', 'r2', 'r2']]]) }),
      /report r2 stands in the history 2 times/,
    ],
    'a report nobody sent stands there': [
      withHistory({ reports: new Map([['alpha', ['r1', 'r2', 'r3']]]) }),
      /report r3 .* never sent/,
    ],
    'not everything was accepted': [{ ...sound, planned: 3 }, /2 reports were accepted of 3/],
    'a report is counted twice': [
      withHistory({ sightings: [{ artifact: wide.key, tenantId: tenantA, reports: 2, counted: 3 }] }),
      /counted 3 times, reported 2 times/,
    ],
    'an instance tells another snapshot': [
      withSubscriber({ snapshots: [held, { ...held, digest: 'f'.repeat(64) }] }),
      /snapshot 2 has/,
    ],
    'a subscriber holds what is not in the log': [
      withSubscriber({ held: { count: 4, digest: held.digest }, snapshots: [{ ...held, count: 4 }] }),
      /the log at its cursor has 3 entries/,
    ],
    'a subscriber is without its cursor': [
      withSubscriber({ cursor: null }),
      /the log at its cursor has nothing/,
    ],
    'a subscriber was told what does not add up': [
      withSubscriber({ complaints: ['differs'] }),
      /was told: differs/,
    ],
    'a verdict is missing': [
      { ...sound, outcome: new Map([...outcome].slice(1)) },
      /undisturbed run decides: .*ecosystem: nothing, undisturbed malicious/,
    ],
    'a verdict is too many': [
      { ...sound, outcome: new Map([...outcome, ['file:x alpha', 'suspicious']]) },
      /file:x alpha: suspicious, undisturbed nothing/,
    ],
    'nothing could be compared': [
      { ...sound, outcome: new Map(), expected: new Map() },
      /nothing was compared/,
    ],
    'two records of one revision disagree': [
      {
        ...sound,
        log: {
          ...log,
          verdicts: [...log.verdicts, logged(decidedEntry(1, 2, ecosystem, { action: 'audit' }), 3)],
        },
      },
      /revision 2 says “malicious block-and-remediate default” and “malicious audit default”/,
    ],
    'two decisions of one revision disagree': [
      withHistory({
        decisions: [...history.decisions, { ...decision(second, 'd4'), blockFrom: 'high' }],
      }),
      /history: .* revision 2 says/,
    ],
    'a decision stands twice': [
      withHistory({ decisions: [...history.decisions, decision(wide, 'd1')] }),
      /decision d1 .* stands in the history 2 times/,
    ],
    'the history is behind the log': [
      withHistory({ entries: new Map([...history.entries, [wide.id, 1]]) }),
      /revision 2, history has 1/,
    ],
    'what is in force was never decided': [
      withHistory({ decisions: history.decisions.slice(0, 2) }),
      /in force, and no such decision/,
    ],
    'an override is missing': [withHistory({ overrides: [] }), /stands 0 times/],
    'an override is audited twice': [withHistory({ audit: [work, work] }), /revision 1 and 2 audit entries/],
    'a record is dead': [{ ...sound, log: { ...log, deadLetters: 2 } }, /2 records lie in the dead letters/],
    'a record is unreadable': [
      { ...sound, log: { ...log, unreadable: ['there'] } },
      /unreadable or dead: there/,
    ],
    'a process crashed': [{ ...sound, crashes: ['ingest-1 ended by itself'] }, /ingest-1 ended/],
    'a device was refused': [{ ...sound, refusals: ['north-1: 401'] }, /401/],
    'lag is left': [{ ...sound, lag: 7 }, /7 records are not settled/],
    'a part is away': [{ ...sound, unready: ['record-1: away'] }, /record-1: away/],
  };
  test.each(Object.entries(cases))('%s', (_, [evidence, culprit]) => {
    const failed = failing(evidence);
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatch(culprit);
  });
});

test('a tenant’s own entry that says no more than the one for everybody makes no difference', () => {
  const alsoNarrow = decidedEntry(1, 1, { tenantId: tenantA, deviceId: null });
  const covered = outcomeOf(new Map([['alpha', [alsoNarrow, second, narrow]]]));
  expect(covered).toEqual(outcome);
  const weaker = decidedEntry(1, 1, ecosystem, { action: 'audit' });
  expect(outcomeOf(new Map([['alpha', [alsoNarrow, weaker, narrow]]]))).not.toEqual(outcome);
});
