import { RuleSet } from '../../classifiers/rules/sigma/rule-set.ts';
import type { SigmaRule } from '../../classifiers/rules/sigma/rule.ts';
import type { TimedEvent } from './event-sources.ts';

/** Processor time of this process since a mark, which others on the machine do not lengthen as they do a clock. */
function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

const rounded = (number: number): number => Math.round(number * 100) / 100;

/** What matching costs, in processor time, and the longest step of building, which is how long a service would stop for it. */
export function measureCost(rules: readonly SigmaRule[], events: readonly TimedEvent[], rounds: number) {
  const before = process.cpuUsage();
  const steps = RuleSet.build(rules);
  let longestStepMs = 0;
  let set: RuleSet | undefined;
  while (set === undefined) {
    const startedMs = performance.now();
    const step = steps.next();
    longestStepMs = Math.max(longestStepMs, performance.now() - startedMs);
    if (step.done === true) set = step.value;
  }
  const buildMs = cpuMs(before);
  let matches = 0;
  const run = (list: readonly TimedEvent[]): number => {
    matches = 0;
    const mark = process.cpuUsage();
    for (const { event } of list) matches += set.match(event).length;
    return (cpuMs(mark) * 1_000) / Math.max(1, list.length);
  };
  const first = run(events);
  const all = Array.from({ length: rounds }, () => run(events));
  const total = matches;
  const kinds = new Map<string, TimedEvent[]>();
  for (const event of events) {
    const kind = event.event.categories[0] ?? 'other';
    const list = kinds.get(kind);
    if (list === undefined) kinds.set(kind, [event]);
    else list.push(event);
  }
  const byCategory = Object.fromEntries(
    [...kinds].map(([kind, list]) => [
      kind,
      rounded(median(Array.from({ length: rounds }, () => run(list)))),
    ]),
  );
  return {
    rules: rules.length,
    events: events.length,
    matches: total,
    buildMs: rounded(buildMs),
    longestStepMs: rounded(longestStepMs),
    usPerEvent: { first: rounded(first), median: rounded(median(all)), least: rounded(Math.min(...all)) },
    medianUsByCategory: byCategory,
  };
}
