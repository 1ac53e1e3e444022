import { revisionOf, type VerdictRecord } from '../../contracts/records.ts';
import type { Evidence } from './evidence.ts';
import { standingVerdicts, stateAt } from './log-state.ts';
import { differences } from './outcome.ts';

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** What was looked at, in numbers. */
  readonly text: string;
  /** What is not as it must be, with its ids. */
  readonly problems: readonly string[];
}

/** Judges a run by what it left behind. Pure: the same evidence gives the same checks. */
export function judge(evidence: Evidence): readonly Check[] {
  return [
    calm(evidence),
    everyReportOnce(evidence),
    sightingsOnce(evidence),
    subscribersAgree(evidence),
    outcomeUndisturbed(evidence),
    revisionsAgree(evidence),
    historyFollowsLog(evidence),
    overridesOnce(evidence),
    nothingUnreadable(evidence),
    nothingCrashed(evidence),
  ];
}

function check(name: string, text: string, problems: readonly string[]): Check {
  return { name, passed: problems.length === 0, text, problems };
}

function calm({ lag, unready }: Evidence): Check {
  const behind = lag === 0 ? [] : [`${lag} records are not settled by their consumer groups`];
  return check('everything is ready and lag is 0', `lag ${lag}`, [...unready, ...behind]);
}

function everyReportOnce({ accepted, planned, history }: Evidence): Check {
  const problems: string[] = [];
  let count = 0;
  for (const [tenant, ids] of accepted) {
    const recorded = history.reports.get(tenant) ?? [];
    const times = countsOf(recorded);
    const wanted = new Set(ids);
    count += wanted.size;
    for (const id of wanted)
      if (!times.has(id)) problems.push(`${tenant}: report ${id} was accepted and is lost`);
    for (const [id, n] of times) {
      if (n > 1) problems.push(`${tenant}: report ${id} stands in the history ${n} times`);
      if (!wanted.has(id)) problems.push(`${tenant}: report ${id} stands in the history and was never sent`);
    }
  }
  if (count !== planned) problems.push(`${count} reports were accepted of ${planned}`);
  return check('every accepted report stands in the history once', `${count} reports`, problems);
}

function sightingsOnce({ history }: Evidence): Check {
  const problems = history.sightings
    .filter(({ reports, counted }) => reports !== counted)
    .map(
      ({ artifact, tenantId, reports, counted }) =>
        `${artifact} at ${tenantId}: counted ${counted} times, reported ${reports} times`,
    );
  return check('every report is counted once', `${history.sightings.length} sightings`, problems);
}

function subscribersAgree({ subscribers, log }: Evidence): Check {
  const problems: string[] = [];
  for (const { tenant, tenantId, deviceId, held, cursor, snapshots, complaints } of subscribers) {
    const name = `the subscriber of ${tenant} (${deviceId})`;
    const say = (what: string, state: typeof held | null) => {
      if (state?.count === held.count && state.digest === held.digest) return;
      const other = state === null ? 'nothing' : `${state.count} entries, ${state.digest}`;
      problems.push(`${name} holds ${held.count} entries, ${held.digest}; ${what} has ${other}`);
    };
    snapshots.forEach((snapshot, index) => say(`snapshot ${index + 1}`, snapshot));
    say('the log at its cursor', cursor === null ? null : stateAt(log, cursor, { tenantId, deviceId }));
    for (const complaint of complaints) problems.push(`${name} was told: ${complaint}`);
  }
  const entries = subscribers.map(({ held }) => held.count).join(', ');
  return check('subscribers hold what snapshots and the log say', `${entries} entries`, problems);
}

function outcomeUndisturbed({ outcome, expected }: Evidence): Check {
  const problems = [...differences(outcome, expected)];
  if (expected.size === 0)
    problems.push('The undisturbed run has put nothing in force: nothing was compared.');
  return check('what is in force is what an undisturbed run decides', `${expected.size} verdicts`, problems);
}

/** Records of one revision say the same in all that is enforced, and no decision is recorded twice. */
function revisionsAgree({ history, log }: Evidence): Check {
  const problems: string[] = [];
  const said = new Map<string, string>();
  const compare = (where: string, name: string, text: string): void => {
    const before = said.get(`${where} ${name}`);
    if (before !== undefined && before !== text)
      problems.push(`${where}: ${name} says “${before}” and “${text}”`);
    said.set(`${where} ${name}`, before ?? text);
  };
  for (const { value } of log.verdicts)
    if (value !== null) {
      const { id, revision, key } = revisionOf(value);
      compare('verdicts', `${key} (${id}) revision ${revision}`, enforced(value));
    }
  const decided = history.decisions.filter(({ revision }) => revision > 0);
  for (const { entryId, revision, artifact, verdict, action, blockFrom } of decided)
    compare('history', `${artifact} (${entryId}) revision ${revision}`, `${verdict} ${action} ${blockFrom}`);
  for (const [id, n] of countsOf(history.decisions.map(({ id, revision }) => `${id} (revision ${revision})`)))
    if (n > 1) problems.push(`decision ${id} stands in the history ${n} times`);
  return check(
    'no two records of one revision disagree',
    `${log.verdicts.length} records, ${history.decisions.length} decisions`,
    problems,
  );
}

function enforced(record: VerdictRecord): string {
  if (record.kind === 'revocation') return 'revoked';
  const { verdict, action, blockFrom } = record.entry;
  return `${verdict} ${action} ${blockFrom}`;
}

/** What stands in the log stands in the history, and somebody decided it: that revision, or the same in an earlier one. */
function historyFollowsLog({ history, log }: Evidence): Check {
  const standing = [...standingVerdicts(log.verdicts).values()];
  const decided = new Set(
    history.decisions.map(
      ({ entryId, verdict, action, blockFrom }) => `${entryId} ${verdict} ${action} ${blockFrom}`,
    ),
  );
  const problems = standing.flatMap((record) => {
    const { id, revision, key } = revisionOf(record);
    const recorded = history.entries.get(id);
    const isDecided = record.kind === 'revocation' || decided.has(`${id} ${enforced(record)}`);
    return [
      ...(recorded === revision
        ? []
        : [`${key} (${id}): revision ${revision}, history has ${recorded ?? 'none'}`]),
      ...(isDecided
        ? []
        : [`${key} (${id}): ${enforced(record)} in force, and no such decision in the history`]),
    ];
  });
  return check('the history of entries is that of the log', `${standing.length} entries`, problems);
}

function overridesOnce({ history, plannedOverrides }: Evidence): Check {
  const problems: string[] = [];
  for (const { tenant, comment } of plannedOverrides) {
    const standing = history.overrides.filter((each) => each.tenant === tenant && each.comment === comment);
    const audited = history.audit.filter((each) => each.tenant === tenant && each.comment === comment);
    const [override] = standing;
    if (override === undefined || standing.length > 1)
      problems.push(`${tenant}: override “${comment}” stands ${standing.length} times`);
    else if (audited.length !== override.revision)
      problems.push(
        `${tenant}: override “${comment}” has revision ${override.revision} and ${audited.length} audit entries`,
      );
  }
  return check(
    'every override stands once and is audited once',
    `${plannedOverrides.length} overrides`,
    problems,
  );
}

function nothingUnreadable({ log }: Evidence): Check {
  const letters = log.deadLetters === 0 ? [] : [`${log.deadLetters} records lie in the dead letters`];
  return check('no record is unreadable or dead', `${log.control.length} records of control`, [
    ...log.unreadable,
    ...letters,
  ]);
}

function nothingCrashed({ crashes, refusals, failedFaults }: Evidence): Check {
  return check('nothing ended by itself, nobody was refused', `${crashes.length} crashes`, [
    ...crashes,
    ...refusals,
    ...failedFaults,
  ]);
}

function countsOf(items: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
