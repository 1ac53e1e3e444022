import type { Clause } from './correlation-condition.ts';
import { isWithin } from './correlation-condition.ts';
import type { SigmaEvent } from './event.ts';
import { longestChain, measure, type Occurrence } from './measure.ts';
import { textsOf } from './row.ts';
import type { CorrelationRule } from './rule.ts';

type Fields = SigmaEvent['fields'];

/** One event and the rules that fired on it. */
export interface SeenEvent {
  readonly timeMs: number;
  readonly fields: Fields;
  /** Ids of detection rules. */
  readonly fired: readonly string[];
}

/** A window in which a correlation is fulfilled. */
export interface CorrelationMatch {
  readonly rule: CorrelationRule;
  /** Values of the fields that it groups by. */
  readonly group: Readonly<Record<string, string>>;
  readonly startMs: number;
  readonly endMs: number;
  /** Places of the events in the list that was given, in the order of time. */
  readonly events: readonly number[];
}

/** What a rule fired on: an event, or (for correlations of correlations) a window. */
interface Hit {
  readonly timeMs: number;
  readonly order: number;
  readonly fields: Fields;
  readonly events: readonly number[];
}

interface GroupedHit extends Occurrence {
  readonly hit: Hit;
}

/**
 * Finds the windows in which correlations are fulfilled. Windows slide: each ends at an event, but where a condition
 * says that a rule must not fire, each begins at one, and the events given are taken for all that there are. Events that
 * lack a field that is grouped by take no part. Of events at one time the later in the list counts as later.
 *
 * @param correlations linked, each after those that it refers to
 * @param sharedFields fields that have one value in all events, so that grouping by them changes nothing
 */
export function correlate(
  correlations: readonly CorrelationRule[],
  seen: readonly SeenEvent[],
  sharedFields: ReadonlySet<string> = new Set(),
): readonly CorrelationMatch[] {
  const hits = new Map<string, Hit[]>();
  const add = (id: string, hit: Hit): void => {
    const known = hits.get(id);
    if (known === undefined) hits.set(id, [hit]);
    else known.push(hit);
  };
  seen.forEach(({ timeMs, fields, fired }, order) => {
    for (const id of fired) add(id, { timeMs, order, fields, events: [order] });
  });
  return correlations.flatMap((rule) => {
    if (!rule.references.some((id) => hits.has(id))) return [];
    const matches = [...groupsOf(rule, hits, sharedFields)].flatMap(([key, group]) =>
      windowsOf(rule, group, readKey(key)),
    );
    for (const match of matches) add(rule.id, hitOf(match, seen));
    return matches;
  });
}

/** A window as something that happened at its end, with the fields of its last event and those that it grouped by. */
function hitOf({ endMs, events, group }: CorrelationMatch, seen: readonly SeenEvent[]): Hit {
  const last = events.at(-1) ?? 0;
  return { timeMs: endMs, order: last, fields: { ...seen[last]?.fields, ...group }, events };
}

function groupsOf(
  rule: CorrelationRule,
  hits: ReadonlyMap<string, readonly Hit[]>,
  sharedFields: ReadonlySet<string>,
): ReadonlyMap<string, readonly GroupedHit[]> {
  const groupBy = rule.groupBy.filter((name) => !sharedFields.has(name));
  const measured = rule.condition.kind === 'measure' ? rule.condition.fields : [];
  const groups = new Map<string, GroupedHit[]>();
  rule.references.forEach((reference, slot) => {
    const fieldOf = (name: string): string => rule.aliases[name]?.[reference] ?? name;
    for (const hit of hits.get(reference) ?? []) {
      const key = valuesOf(hit.fields, groupBy.map(fieldOf));
      if (key === undefined) continue;
      const values = valuesOf(hit.fields, measured.map(fieldOf));
      const name = JSON.stringify(groupBy.map((field, index) => [field, key[index]]));
      const member = { slot, timeMs: hit.timeMs, order: hit.order, values, hit };
      const members = groups.get(name);
      if (members === undefined) groups.set(name, [member]);
      else members.push(member);
    }
  });
  for (const members of groups.values()) members.sort((a, b) => a.timeMs - b.timeMs || a.order - b.order);
  return groups;
}

/** Values compare without regard to case, as everywhere in Sigma. */
function valuesOf(fields: Fields, names: readonly string[]): readonly string[] | undefined {
  const values: string[] = [];
  for (const name of names) {
    const texts = textsOf(fields[name]);
    if (texts === undefined) return undefined;
    values.push((typeof texts === 'string' ? texts : texts.join()).toLowerCase());
  }
  return values;
}

function readKey(key: string): Readonly<Record<string, string>> {
  return Object.fromEntries(JSON.parse(key) as [string, string][]);
}

function windowsOf(
  rule: CorrelationRule,
  group: readonly GroupedHit[],
  values: CorrelationMatch['group'],
): readonly CorrelationMatch[] {
  const { condition, timespanMs } = rule;
  if (condition.kind === 'expression') {
    return condition.clauses.flatMap((clause) => clauseWindows(rule, clause, group, values));
  }
  return windowsEndingAt(group, timespanMs).flatMap((window) => {
    const measured = measure(rule.type, window, condition.percentile);
    return measured !== undefined && isWithin(measured, condition.bounds)
      ? [matchOf(rule, values, window)]
      : [];
  });
}

/** One window for each time at which something happened: all that happened up to then within the timespan. */
function windowsEndingAt(
  group: readonly GroupedHit[],
  timespanMs: number,
): readonly (readonly GroupedHit[])[] {
  const windows: (readonly GroupedHit[])[] = [];
  let from = 0;
  group.forEach(({ timeMs }, index) => {
    if (group[index + 1]?.timeMs === timeMs) return;
    while ((group[from]?.timeMs ?? timeMs) < timeMs - timespanMs) from += 1;
    windows.push(group.slice(from, index + 1));
  });
  return windows;
}

function clauseWindows(
  rule: CorrelationRule,
  { present, absent }: Clause,
  group: readonly GroupedHit[],
  values: CorrelationMatch['group'],
): readonly CorrelationMatch[] {
  const { references, timespanMs } = rule;
  const nameOf = ({ slot }: Occurrence): string => references[slot] ?? '';
  const wanted = group.filter((hit) => present.has(nameOf(hit)));
  const isWhole = (window: readonly GroupedHit[]): boolean =>
    rule.type === 'temporal_ordered'
      ? longestChain(window) === present.size
      : new Set(window.map(({ slot }) => slot)).size === present.size;
  if (absent.size === 0) {
    return windowsEndingAt(wanted, timespanMs)
      .filter(isWhole)
      .map((window) => matchOf(rule, values, window));
  }
  return wanted.flatMap((first) => {
    const isInside = ({ timeMs }: GroupedHit): boolean =>
      timeMs >= first.timeMs && timeMs <= first.timeMs + timespanMs;
    if (group.some((hit) => isInside(hit) && absent.has(nameOf(hit)))) return [];
    const window = wanted.filter(isInside);
    if (!isWhole(window)) return [];
    return [{ ...matchOf(rule, values, window), endMs: first.timeMs + timespanMs }];
  });
}

function matchOf(
  rule: CorrelationRule,
  group: CorrelationMatch['group'],
  window: readonly GroupedHit[],
): CorrelationMatch {
  return {
    rule,
    group,
    startMs: window[0]?.timeMs ?? 0,
    endMs: window.at(-1)?.timeMs ?? 0,
    events: [...new Set(window.flatMap(({ hit }) => hit.events))],
  };
}
