import { join } from 'node:path';
import { ServerClock } from '../../agent/sdk/clock.ts';
import { EntryStore } from '../../agent/sdk/entry-store.ts';
import { StreamClient, type StreamClientEvent, type StreamTiming } from '../../agent/sdk/stream-client.ts';
import type { Entry } from '../../contracts/entry.ts';
import { deviceIdSchema, tenantIdSchema } from '../../contracts/ids.ts';
import { call, itemsSchema, RefusedError, type TestDevice, type TestTenant } from './api.ts';
import { eventually } from './eventually.ts';

/** Follows the stream as an agent does, on disk, from the first start to the last. */
export interface Follower {
  readonly device: TestDevice;
  readonly store: EntryStore;
  readonly events: readonly StreamClientEvent[];
  stop(): Promise<void>;
}

/** @param folder for what the agent keeps on disk */
export async function follow(
  url: string,
  folder: string,
  tenant: TestTenant,
  device: TestDevice,
  timing: Partial<StreamTiming> = {},
): Promise<Follower> {
  const owner = { tenantId: tenantIdSchema.parse(tenant.id), deviceId: deviceIdSchema.parse(device.id) };
  const store = await EntryStore.open({ path: join(folder, device.id, 'entries'), owner });
  const events: StreamClientEvent[] = [];
  const stopping = new AbortController();
  const client = new StreamClient({
    baseUrl: url,
    credential: device.credential,
    store,
    clock: new ServerClock(),
    onEvent: (event) => events.push(event),
    timing: { firstPauseMs: 50, longestPauseMs: 500, ...timing },
  });
  const running = client.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
    await store.close();
  };
  return { device, store, events, stop };
}

export interface Snapshot {
  readonly count: number;
  readonly digest: string;
  readonly entries: readonly Entry[];
}

export async function snapshotOf(url: string, { credential }: TestDevice): Promise<Snapshot> {
  const { text } = await call(url, '/v1/snapshot', { token: credential });
  const lines = text.split('\n').filter((line) => line !== '');
  const { end } = JSON.parse(lines.pop() ?? '') as { end: { count: number; digest: string } };
  return { ...end, entries: lines.map((line) => JSON.parse(line) as Entry) };
}

/** @returns all pages of a list, as the tenant's administrator sees it */
export async function listAll(
  url: string,
  tenant: TestTenant,
  path: string,
): Promise<readonly Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for (let next: string | null = ''; next !== null;) {
    const after = next === '' ? '' : `&after=${next}`;
    // An instance that was hurt is not ready or lets a connection go that rested: whoever only reads asks again.
    const reply = await eventually(async () => {
      const given = await call(url, `${path}?limit=10000${after}`, { token: tenant.adminToken }).catch(
        () => null,
      );
      return given?.status === 503 ? null : given;
    });
    if (reply.status !== 200) throw new RefusedError(reply);
    const page = itemsSchema.parse(reply.body);
    items.push(...page.items);
    ({ next } = page);
  }
  return items;
}
