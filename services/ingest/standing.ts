import type { Action, Verdict } from '../../contracts/domain.ts';
import type { Entry } from '../../contracts/entry.ts';
import type { Timestamp } from '../../contracts/ids.ts';
import type { Policy } from '../../contracts/policy.ts';
import { effective, type EffectiveDevice } from '../../engine/effective/effective.ts';

/** What stands of an artifact for a device. */
export interface Standing {
  readonly verdict: Verdict;
  /** Effective under the policy. */
  readonly action: Action;
  /** The entry that decides. */
  readonly entry: Entry;
}

/** @returns null when nothing is in force */
export function standingOf(
  entries: readonly Entry[],
  policy: Policy,
  device: EffectiveDevice,
  now: Timestamp,
): Standing | null {
  if (entries.length === 0) return null;
  const { action, entry } = effective(entries, policy, device, now);
  if (action === null || entry === null) return null;
  return { verdict: verdictOf(entry, entries), action, entry };
}

/**
 * An analyst's entry says what to do and no verdict: then the decided one stands, and where there is none, what the
 * analyst's action implies.
 */
function verdictOf(entry: Entry, entries: readonly Entry[]): Verdict {
  if (entry.source === 'decision') return entry.verdict;
  const verdicts = entries.flatMap((other) => (other.source === 'decision' ? [other.verdict] : []));
  return (
    (['malicious', 'suspicious', 'no-threats-found'] as const).find((verdict) =>
      verdicts.includes(verdict),
    ) ?? implied(entry.action)
  );
}

function implied(action: Action): Verdict {
  switch (action) {
    case 'block-and-remediate':
    case 'block':
      return 'malicious';
    case 'warn':
    case 'audit':
      return 'suspicious';
    case 'allow':
      return 'no-threats-found';
  }
}
