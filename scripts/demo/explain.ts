import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { callService, ServiceError } from '../../agent/sdk/service-call.ts';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { Entry } from '../../contracts/entry.ts';
import { decisionViewSchema } from '../../contracts/http.ts';
import { toEpochMs } from '../../contracts/ids.ts';
import type { Chronicle, Protection } from './chronicle.ts';
import type { Organization } from './organizations.ts';
import { quantile, type Screen } from './screen.ts';

type DecisionView = z.infer<typeof decisionViewSchema>;

/** One decision that made devices stop something, and when each of them did. */
export interface Step {
  readonly key: ArtifactKey;
  readonly entry: Entry;
  readonly decision: DecisionView | null;
  readonly protections: readonly Protection[];
}

const recordedWithinMs = 15_000;

/**
 * Groups what devices did by the entry that made them, and reads the record of each decision as an analyst reads it: of
 * the organization whose report tipped it, for only that one sees the trigger.
 */
export async function traceSteps(
  baseUrl: string,
  organizations: readonly Organization[],
  chronicle: Chronicle,
  keys: readonly ArtifactKey[],
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const key of keys) {
    const decided = chronicle.protections.filter((one) => one.key === key && one.entry.source === 'decision');
    for (const id of new Set(decided.map(({ entry }) => entry.id))) {
      const protections = decided.filter(({ entry }) => entry.id === id);
      const [first] = protections;
      if (!first) continue;
      const decision = await readDecision(baseUrl, organizations, first);
      steps.push({ key, entry: first.entry, decision, protections });
    }
  }
  return steps;
}

async function readDecision(
  baseUrl: string,
  organizations: readonly Organization[],
  { entry, device }: Protection,
): Promise<DecisionView | null> {
  const path = `/v1/verdicts/${entry.id}/revisions/${entry.revision}`;
  const untilMs = performance.now() + recordedWithinMs;
  let best: DecisionView | null = null;
  // Those whose own devices are concerned first; what is recorded lags what is decided by a moment.
  const readers = [...organizations].sort(
    (a, b) => Number(b.key === device.tenant) - Number(a.key === device.tenant),
  );
  while (performance.now() < untilMs) {
    for (const { analystToken } of readers) {
      const view = await readIfThere(baseUrl, analystToken, path);
      if (view?.trigger) return view;
      best ??= view;
    }
    if (best) return best;
    await sleep(200);
  }
  return best;
}

async function readIfThere(baseUrl: string, token: string, path: string): Promise<DecisionView | null> {
  try {
    const answer = await callService({ baseUrl, token }, { method: 'GET', path, answer: decisionViewSchema });
    return answer.value ?? null;
  } catch (error) {
    if (error instanceof ServiceError && error.status === 404) return null;
    throw error;
  }
}

/** Prints what was decided, how long each step took, and why, in the words of the decision record. */
export function explainSteps(
  screen: Screen,
  organizations: readonly Organization[],
  steps: readonly Step[],
  titles: ReadonlyMap<string, string>,
): void {
  for (const { key, entry, decision, protections } of steps) {
    const reach = entry.source === 'decision' ? entry.reach : 'own';
    screen.heading(`${titles.get(key) ?? key}: blocked with reach ${reach}`);
    if (!decision) {
      screen.paragraph('The decision record could not be read in time.', 4, 'bad');
      continue;
    }
    const decidedMs = toEpochMs(decision.decidedAt);
    if (decision.trigger) {
      const beforeMs = decidedMs - toEpochMs(decision.trigger.acceptedAt);
      screen.paragraph(`report accepted → verdict: ${beforeMs} ms`);
    }
    for (const organization of organizations) {
      const delays = protections
        .filter(({ device }) => device.tenant === organization.key)
        .map(({ atMs }) => atMs - decidedMs);
      if (delays.length === 0) continue;
      const [median, last] = [quantile(delays, 0.5), Math.max(...delays)];
      screen.paragraph(
        `verdict → ${organization.name}: ${delays.length} of ${organization.devices.length} devices hold it after ${median} ms (median), ${last} ms (last)`,
      );
    }
    screen.paragraph(`why: ${decision.reason.text}`);
    screen.paragraph(decision.sumText, 6, 'quiet');
    for (const { step, outcome, text } of decision.steps)
      screen.paragraph(`${step}: ${outcome}. ${text}`, 6, 'quiet');
  }
}
