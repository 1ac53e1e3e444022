import { join } from 'node:path';
import { ServerClock } from '../../agent/sdk/clock.ts';
import { EntryStore } from '../../agent/sdk/entry-store.ts';
import { StreamClient } from '../../agent/sdk/stream-client.ts';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { Entry } from '../../contracts/entry.ts';
import type { Timestamp } from '../../contracts/ids.ts';
import type { EnrolledDemoDevice } from './organizations.ts';

/** A device's entries, kept in step with the service. */
export interface Watch {
  entriesOf(key: ArtifactKey): readonly Entry[];
  now(): Timestamp;
  stop(): Promise<void>;
}

export interface WatchOptions {
  readonly baseUrl: string;
  readonly enrolled: EnrolledDemoDevice;
  readonly folder: string;
  /** A change is in force and on the device's disk. */
  readonly onApplied: (key: ArtifactKey) => void;
}

/** Resolves when the device has its snapshot and its stream. Rejects when the stream ends before. */
export async function startWatch({ baseUrl, enrolled, folder, onApplied }: WatchOptions): Promise<Watch> {
  const { tenantId, deviceId, credential } = enrolled;
  const store = await EntryStore.open({ path: join(folder, 'entries'), owner: { tenantId, deviceId } });
  const clock = new ServerClock();
  const stopping = new AbortController();
  let connect: () => void = () => undefined;
  const connected = new Promise<void>((resolve) => {
    connect = resolve;
  });
  const client = new StreamClient({
    baseUrl,
    credential,
    store,
    clock,
    onEvent: (event) => {
      if (event.kind === 'connected') connect();
      if (event.kind === 'changed') {
        for (const key of new Set(event.changes.map(({ data }) => data.key))) onApplied(key);
      }
    },
  });
  const ended = client.run(stopping.signal);
  await Promise.race([
    connected,
    ended.then(() => Promise.reject(new Error(`${enrolled.name} has no stream`))),
  ]);
  return {
    entriesOf: (key) => store.entriesOf(key),
    now: () => clock.now(),
    stop: async () => {
      stopping.abort();
      await ended;
      await store.close();
    },
  };
}
