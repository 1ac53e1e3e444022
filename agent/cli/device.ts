import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { Entry } from '../../contracts/entry.ts';
import { toTimestamp, type Timestamp } from '../../contracts/ids.ts';
import type { Policy } from '../../contracts/policy.ts';
import type { ReportInput } from '../../contracts/report.ts';
import type { EffectiveDevice } from '../../engine/effective/effective.ts';
import { encounter, type Sentry } from '../sdk/encounter.ts';
import type { Obeyed } from '../sdk/obey.ts';
import { createReportsClient, type ReportsClient } from '../sdk/reports-client.ts';
import { ServiceError } from '../sdk/service-call.ts';
import type { AgentIdentity, StateFolder } from './state-folder.ts';

/** An enrolled device with its connection: asks the service, obeys the answer, and notes when it last heard from it. */
export class Device implements Sentry {
  readonly identity: AgentIdentity;
  readonly device: EffectiveDevice;
  readonly client: ReportsClient;
  readonly #state: StateFolder;
  #policy: Policy;
  #serverOffsetMs: number;
  #heard = false;

  private constructor(state: StateFolder, identity: AgentIdentity, policy: Policy, serverOffsetMs: number) {
    this.#state = state;
    this.identity = identity;
    this.device = { deviceId: identity.deviceId, runningMode: identity.runningMode };
    this.#policy = policy;
    this.#serverOffsetMs = serverOffsetMs;
    this.client = createReportsClient({
      baseUrl: identity.baseUrl,
      token: identity.credential,
      // `Date` is cut to whole seconds: its middle is the best guess.
      onContact: (serverMs, roundTripMs) => {
        this.#serverOffsetMs = Math.round(serverMs + 500 - (Date.now() - roundTripMs / 2));
        this.#heard = true;
      },
    });
  }

  /** @throws AgentError when the device is not enrolled */
  static async open(state: StateFolder): Promise<Device> {
    const [identity, policy, contact] = await Promise.all([
      state.identity(),
      state.policy(),
      state.contact(),
    ]);
    return new Device(state, identity, policy, contact?.serverOffsetMs ?? 0);
  }

  get policy(): Policy {
    return this.#policy;
  }

  now(): Timestamp {
    return toTimestamp(Date.now() + this.#serverOffsetMs);
  }

  entriesOf(_key: ArtifactKey): readonly Entry[] {
    return [];
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
  async meet(report: ReportInput, waitMs: number): Promise<Obeyed> {
    return (await encounter(this, report, waitMs)).outcome;
  }

  /** Notes when the service was last heard, for `status`. */
  async close(): Promise<void> {
    if (!this.#heard) return;
    await this.#state.saveContact({ at: toTimestamp(Date.now()), serverOffsetMs: this.#serverOffsetMs });
  }
}
