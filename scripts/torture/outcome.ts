import { actions, blockLevels } from '../../contracts/domain.ts';
import type { DecidedEntry, Entry } from '../../contracts/entry.ts';

/** What is in force, by `<artifact> <reach>`, where the reach is `ecosystem` or the name of a tenant. */
export type Outcome = ReadonlyMap<string, string>;

/**
 * What automatic decisions have put in force for everybody, and for each tenant. A tenant's own entry that says no more
 * than the one for everybody makes no difference: whether it is there depends on who came first, what its devices do
 * does not.
 *
 * @param snapshots what a device of each tenant holds, by the tenant's name
 */
export function outcomeOf(snapshots: ReadonlyMap<string, readonly Entry[]>): Outcome {
  const inForce = new Map<string, DecidedEntry>();
  for (const [tenant, entries] of snapshots) {
    for (const entry of entries) {
      if (entry.source !== 'decision') continue;
      const reaches = entry.reach === 'ecosystem' ? ['ecosystem', tenant] : [tenant];
      for (const reach of reaches) {
        const name = `${entry.key} ${reach}`;
        const other = inForce.get(name);
        if (other === undefined || strength(entry) < strength(other)) inForce.set(name, entry);
      }
    }
  }
  return new Map([...inForce].map(([name, entry]) => [name, textOf(entry)]));
}

/** @returns what one has and the other has not, or has otherwise; none: they are equal */
export function differences(outcome: Outcome, expected: Outcome): readonly string[] {
  const names = new Set([...outcome.keys(), ...expected.keys()]);
  return [...names].sort().flatMap((name) => {
    const [is, shouldBe] = [outcome.get(name) ?? 'nothing', expected.get(name) ?? 'nothing'];
    return is === shouldBe ? [] : [`${name}: ${is}, undisturbed ${shouldBe}`];
  });
}

/** Lower is stronger, as the engine has it. */
function strength({ action, blockFrom }: Pick<DecidedEntry, 'action' | 'blockFrom'>): number {
  return actions.indexOf(action) * blockLevels.length + blockLevels.indexOf(blockFrom);
}

function textOf({ verdict, action, blockFrom }: DecidedEntry): string {
  return `${verdict}, ${action} from ${blockFrom}`;
}
