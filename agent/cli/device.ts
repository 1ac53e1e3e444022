import { toTimestamp, type Timestamp } from '../../contracts/ids.ts';
import type { Policy } from '../../contracts/policy.ts';
import type { ReportInput } from '../../contracts/report.ts';
import type { EffectiveDevice } from '../../engine/effective/effective.ts';
import { obeyNobody, obeyResult, type Obeyed } from '../sdk/obey.ts';
import { createReportsClient, type ReportsClient } from '../sdk/reports-client.ts';
import { ServiceError } from '../sdk/service-call.ts';
import type { AgentIdentity, StateFolder } from './state-folder.ts';

/** Beyond the hold, for the answer to travel. */
const travelMs = 2_000;

/** An enrolled device with its connection: asks the service, obeys the answer, and notes when it last heard from it. */
export class Device {
  readonly identity: AgentIdentity;
  readonly effective: EffectiveDevice;
  readonly client: ReportsClient;
  readonly #state: StateFolder;
  #policy: Policy;
  #serverOffsetMs: number;
  #heard = false;

  private constructor(state: StateFolder, identity: AgentIdentity, policy: Policy, serverOffsetMs: number) {
    this.#state = state;
    this.identity = identity;
    this.effective = { deviceId: identity.deviceId, runningMode: identity.runningMode };
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

  serverNow(): Timestamp {
    return toTimestamp(Date.now() + this.#serverOffsetMs);
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

  /** Reports and waits. Whatever keeps the answer away, the policy decides then; nothing is thrown for it. */
  async ask(report: ReportInput, waitMs: number): Promise<Obeyed> {
    try {
      const signal = AbortSignal.timeout(waitMs + travelMs);
      const [result] = await this.client.send([report], { waitMs, signal });
      if (!result) return obeyNobody(this.#policy, 'The answer is empty.');
      return obeyResult(result, this.#policy, this.effective, this.serverNow());
    } catch (error) {
      if (error instanceof ServiceError) return obeyNobody(this.#policy, error.message);
      if (isTimeout(error)) return obeyNobody(this.#policy, 'There is no verdict in time.');
      throw error;
    }
  }

  /** Notes when the service was last heard, for `status`. */
  async close(): Promise<void> {
    if (!this.#heard) return;
    await this.#state.saveContact({ at: toTimestamp(Date.now()), serverOffsetMs: this.#serverOffsetMs });
  }
}

function isTimeout(error: unknown): boolean {
  const name = typeof error === 'object' && error !== null && 'name' in error ? error.name : '';
  return name === 'TimeoutError' || name === 'AbortError';
}
