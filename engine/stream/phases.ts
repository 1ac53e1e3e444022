import type { StateChange } from './change.ts';

/**
 * The place of a change in its flush: revocations, then what the tenant allows, then the rest. Un-blocks come first,
 * so that a flush that is cut or slow never blocks what it was about to free.
 */
export type Phase = 0 | 1 | 2;

export function phaseOf(change: StateChange): Phase {
  if (change.event === 'revocation') return 0;
  return change.data.source === 'own' && change.data.action === 'allow' ? 1 : 2;
}

/** What ordering needs to know of a change; the caller may hang on whatever it sends. */
export interface Ordered {
  readonly id: string;
  readonly revision: number;
  readonly phase: Phase;
}

/**
 * One flush out of changes of several scopes, of which each tells how it holds an id now: each id once, in the order of
 * the phases and within a phase as given. An entry beats a revocation, whatever their revisions: an own entry that is
 * now for some devices only is revoked for its tenant and in force for those devices, and once its id was buried it may
 * begin again at a lower revision. Otherwise the highest revision stands.
 */
export function orderFlush<Change extends Ordered>(changes: readonly Change[]): Change[] {
  const latest = new Map<string, Change>();
  for (const change of changes) {
    const held = latest.get(change.id);
    if (held === undefined || isLater(change, held)) latest.set(change.id, change);
  }
  return [...latest.values()].sort((a, b) => a.phase - b.phase);
}

function isLater(change: Ordered, held: Ordered): boolean {
  const [isRevocation, wasRevocation] = [change.phase === 0, held.phase === 0];
  return isRevocation === wasRevocation ? change.revision > held.revision : wasRevocation;
}
