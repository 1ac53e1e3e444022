import type { Entry, Revocation } from '../../contracts/entry.ts';

/** What can happen to a subscriber's state: an entry comes into force or changes, or it is gone. */
export type StateChange =
  | { readonly event: 'entry'; readonly data: Entry }
  | { readonly event: 'revocation'; readonly data: Revocation };

/**
 * "No threats found" answers who waits and is no state: nobody counts it, keeps it or finds it in a snapshot. Every
 * other entry belongs to the state of who it is for, from its record in the log until its revocation there; a clock
 * never takes it out.
 */
export function belongsToState(entry: Entry): boolean {
  return entry.source === 'own' || entry.verdict !== 'no-threats-found';
}
