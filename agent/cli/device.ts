import { join } from 'node:path';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { Entry } from '../../contracts/entry.ts';
import { toTimestamp, type Timestamp } from '../../contracts/ids.ts';
import type { Policy } from '../../contracts/policy.ts';
import type { ReportInput } from '../../contracts/report.ts';
import type { EffectiveDevice } from '../../engine/effective/effective.ts';
import { ServerClock } from '../sdk/clock.ts';
import { encounter, type Encounter, type Sentry } from '../sdk/encounter.ts';
import { EntryStore } from '../sdk/entry-store.ts';
import { createReportsClient, type ReportsClient } from '../sdk/reports-client.ts';
import { createSampleClient, type SampleClient } from '../sdk/sample-client.ts';
import { ServiceError } from '../sdk/service-call.ts';
import type { AgentIdentity, Contact, StateFolder } from './state-folder.ts';

/** Who uses the device's entries: `watch` keeps them, everybody else looks. */
export type Use = 'keep' | 'look';

interface DeviceParts {
  readonly state: StateFolder;
  readonly identity: AgentIdentity;
  readonly entries: EntryStore;
  readonly policy: Policy;
  readonly contact: Contact | null;
}

/** An enrolled device: its entries, its policy, the service's clock, and its connection. */
export class Device implements Sentry {
  readonly identity: AgentIdentity;
  readonly device: EffectiveDevice;
  readonly client: ReportsClient;
  readonly clock: ServerClock;
  readonly entries: EntryStore;
  readonly #state: StateFolder;
  #policy: Policy;
  #heard = false;

  private constructor({ state, identity, entries, policy, contact }: DeviceParts) {
    this.#state = state;
    this.identity = identity;
    this.entries = entries;
    this.device = { deviceId: identity.deviceId, runningMode: identity.runningMode };
    this.#policy = policy;
    // Until the service says its time, the difference of last time counts.
    this.clock = new ServerClock({ wallMs: () => Date.now() + (contact?.serverOffsetMs ?? 0) });
    this.client = createReportsClient({
      baseUrl: identity.baseUrl,
      token: identity.credential,
      onContact: (serverMs) => {
        this.clock.observe(serverMs);
        this.#heard = true;
      },
    });
  }

  /** @throws AgentError when the device is not enrolled */
  static async open(state: StateFolder, use: Use = 'look'): Promise<Device> {
    const [identity, policy, contact] = await Promise.all([
      state.identity(),
      state.policy(),
      state.contact(),
    ]);
    const { tenantId, deviceId } = identity;
    const entries = await EntryStore.open({
      path: join(state.path, 'entries'),
      owner: { tenantId, deviceId },
      readOnly: use === 'look',
    });
    return new Device({ state, identity, entries, policy, contact });
  }

  get policy(): Policy {
    return this.#policy;
  }

  now(): Timestamp {
    return this.clock.now();
  }

  entriesOf(key: ArtifactKey): readonly Entry[] {
    return this.entries.entriesOf(key);
  }

  /** Reads the policy again; where the service cannot be asked, the last known one stays. */
  async refreshPolicy(): Promise<void> {
    try {
      this.#policy = await this.client.policy();
      await this.#state.savePolicy(this.#policy);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
    }
  }

  /** Obeys the entries at hand, else reports and waits; see `encounter`. */
  async meet(report: ReportInput, waitMs: number): Promise<Encounter> {
    return encounter(this, report, waitMs);
  }

  /** Sends files that the service asked for. */
  samples(): SampleClient {
    const { baseUrl, credential: token } = this.identity;
    return createSampleClient({ baseUrl, token });
  }

  /** Notes when the service was last heard, for `status`. */
  async noteContact(): Promise<void> {
    const serverOffsetMs = Math.round(this.clock.nowMs() - Date.now());
    await this.#state.saveContact({ at: toTimestamp(Date.now()), serverOffsetMs });
  }

  async close(): Promise<void> {
    if (this.#heard) await this.noteContact();
    await this.entries.close();
  }
}
