import { encounter, type Sentry } from '../../agent/sdk/encounter.ts';
import { nameOf } from '../../agent/cli/commands/replay.ts';
import { obeyEntries, type Obeyed } from '../../agent/sdk/obey.ts';
import { asIfNow, type RecordedReport } from '../../agent/sdk/recording.ts';
import { createReportsClient, type ReportsClient } from '../../agent/sdk/reports-client.ts';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import { identifyArtifact } from '../../contracts/canonical.ts';
import type { Entry } from '../../contracts/entry.ts';
import type { Timestamp } from '../../contracts/ids.ts';
import type { Policy } from '../../contracts/policy.ts';
import type { EffectiveDevice } from '../../engine/effective/effective.ts';
import type { DeviceName, Meeting } from './chronicle.ts';
import type { EnrolledDemoDevice } from './organizations.ts';
import { startWatch, type Watch } from './watch.ts';

/** One device of the demo: a real subscriber of the stream that obeys its entries and reports what it meets. */
export class DemoDevice implements Sentry, DeviceName {
  readonly tenant: string;
  readonly name: string;
  readonly device: EffectiveDevice;
  readonly policy: Policy;
  readonly client: ReportsClient;
  readonly #watch: Watch;

  private constructor(
    { tenant, name, deviceId }: EnrolledDemoDevice,
    client: ReportsClient,
    policy: Policy,
    watch: Watch,
  ) {
    this.tenant = tenant;
    this.name = name;
    this.device = { deviceId, runningMode: 'active' };
    this.client = client;
    this.policy = policy;
    this.#watch = watch;
  }

  /**
   * Takes the snapshot, subscribes, and reads the policy.
   * @param folder where the device keeps its entries
   * @param applied called for each change that the device holds from now on
   */
  static async start(
    baseUrl: string,
    enrolled: EnrolledDemoDevice,
    folder: string,
    applied: (device: DemoDevice, key: ArtifactKey) => void,
  ): Promise<DemoDevice> {
    const client = createReportsClient({ baseUrl, token: enrolled.credential });
    let self: DemoDevice | null = null;
    const [policy, watch] = await Promise.all([
      client.policy(),
      startWatch({ baseUrl, enrolled, folder, onApplied: (key) => self && applied(self, key) }),
    ]);
    self = new DemoDevice(enrolled, client, policy, watch);
    return self;
  }

  entriesOf(key: ArtifactKey): readonly Entry[] {
    return this.#watch.entriesOf(key);
  }

  now(): Timestamp {
    return this.#watch.now();
  }

  /** @returns what the device would do with the artifact by its own entries, or null */
  stance(key: ArtifactKey): Obeyed | null {
    return obeyEntries(this.entriesOf(key), this.policy, this.device, this.now());
  }

  async meet({ report, wait }: Pick<RecordedReport, 'report' | 'wait'>): Promise<Meeting> {
    const startedMs = performance.now();
    const met = await encounter(this, asIfNow(report), wait ? this.policy.holdMs : 0);
    const tookMs = performance.now() - startedMs;
    const { key } = identifyArtifact(report.artifact);
    return { device: this, key, report, held: wait, encounter: met, tookMs, atMs: Date.now() };
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }
}

/** @returns what the story calls the artifact of a meeting */
export function titleOf({ report }: Pick<Meeting, 'report'>): string {
  const name = nameOf(report);
  return name.length > 64 ? `${name.slice(0, 63)}…` : name;
}
