import type { Action } from '../../contracts/domain.ts';
import type { Entry } from '../../contracts/entry.ts';
import type { ReportResult } from '../../contracts/http.ts';
import type { Timestamp } from '../../contracts/ids.ts';
import type { Policy } from '../../contracts/policy.ts';
import { effective, type EffectiveDevice } from '../../engine/effective/effective.ts';

/** What the device does with something that it held, and on whose word. */
export interface Obeyed {
  readonly action: Action;
  /** The action keeps it from running. */
  readonly stopped: boolean;
  readonly by: 'entry' | 'policy';
  readonly verdict: string;
  readonly threatName: string | null;
  readonly reason: string;
  readonly entry: Entry | null;
}

function stops(action: Action): boolean {
  return action === 'block' || action === 'block-and-remediate';
}

function verdictOf(entry: Entry): string {
  return entry.source === 'decision' ? entry.verdict : 'decided by an analyst';
}

/** @returns what the entries of one artifact make the device do, or null when they say nothing of it */
export function obeyEntries(
  entries: readonly Entry[],
  policy: Policy,
  device: EffectiveDevice,
  now: Timestamp,
): Obeyed | null {
  const { action, entry } = effective(entries, policy, device, now);
  if (action === null || entry === null) return null;
  return {
    action,
    stopped: stops(action),
    by: 'entry',
    verdict: verdictOf(entry),
    threatName: entry.source === 'decision' ? (entry.threatName ?? null) : null,
    reason: entry.reason.text,
    entry,
  };
}

/** Without a verdict the policy's `onTimeout` decides: by default the device fails open. @param why a sentence */
export function obeyNobody(policy: Policy, why: string): Obeyed {
  const action = policy.onTimeout;
  return {
    action,
    stopped: stops(action),
    by: 'policy',
    verdict: 'pending',
    threatName: null,
    reason: `${why} The policy says ${action === 'allow' ? 'to let it run' : 'to block it'} then.`,
    entry: null,
  };
}

/** @returns what the service's answer to a report makes the device do */
export function obeyResult(
  result: ReportResult,
  policy: Policy,
  device: EffectiveDevice,
  now: Timestamp,
): Obeyed {
  if (result.error) return obeyNobody(policy, result.error.detail);
  const obeyed = result.entry && obeyEntries([result.entry], policy, device, now);
  return obeyed ?? obeyNobody(policy, 'There is no verdict in time.');
}
