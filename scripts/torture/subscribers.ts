import { join } from 'node:path';
import { follow, snapshotOf, type Follower } from '../../test/support/observing.ts';
import type { Organizations } from './organizations.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import type { Subject } from './subject.ts';

/** Short, so that a paused instance is left for another one within seconds, and long polls come to be used too. */
const timing = { silenceMs: 8_000, helloMs: 4_000, pollForMs: 10_000, pollWaitSeconds: 5 };

/** One subscriber for each tenant, by the tenant's name, that keeps what it holds on disk. */
export async function startSubscribers(
  url: string,
  folder: string,
  { tenants, watchers }: Pick<Organizations, 'tenants' | 'watchers'>,
): Promise<ReadonlyMap<string, Follower>> {
  const followers = new Map<string, Follower>();
  for (const [name, device] of watchers) {
    const tenant = tenants.get(name);
    if (tenant === undefined) throw new RangeError(`There is no tenant ${name}.`);
    followers.set(name, await follow(url, join(folder, 'subscribers'), tenant, device, timing));
  }
  return followers;
}

/** @returns whether every subscriber holds what every instance would tell it now */
export async function areCurrent(
  followers: ReadonlyMap<string, Follower>,
  { snapshotUrls }: Pick<Subject, 'snapshotUrls'>,
): Promise<boolean> {
  for (const { device, store } of followers.values())
    for (const url of snapshotUrls)
      if ((await snapshotOf(url, device)).digest !== store.summary.digest) return false;
  return true;
}

export async function outcomeFor(
  url: string,
  { watchers }: Pick<Organizations, 'watchers'>,
): Promise<Outcome> {
  const snapshots = [...watchers].map(
    async ([tenant, device]) => [tenant, (await snapshotOf(url, device)).entries] as const,
  );
  return outcomeOf(new Map(await Promise.all(snapshots)));
}
