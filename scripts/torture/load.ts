import { setTimeout as sleep } from 'node:timers/promises';
import type { ReportInput } from '../../contracts/report.ts';
import { RefusedError, type TestDevice } from '../../test/support/api.ts';
import { deliver } from '../../test/support/deliver.ts';
import { between, randomOf, type Random } from '../random.ts';
import type { PlannedBatch, Scenario } from './scenario.ts';

export interface LoadOptions {
  readonly url: string;
  readonly scenario: Pick<Scenario, 'batches' | 'reports'>;
  readonly seed: string;
  /** By name. */
  readonly devices: ReadonlyMap<string, TestDevice>;
  /** Reports a second; null: as fast as they are taken. */
  readonly rate: number | null;
  /** Share of the input beyond which nothing is sent for now; none where left out. */
  readonly limit?: () => number;
}

/** Requests in flight at a time: what they carry overtakes each other. */
const lanes = 12;
const pauseMs = 200;
/** An agent does not wait for ever; what it gave up on may be in the log all the same. */
const timeoutMs = 8_000;
const againWithinMs = 3_000;
const pollMs = 50;

/** Sends the input of a scenario until all of it is accepted, and knows what is. */
export class Load {
  /** Device and id of the reports of which the service said that it has them. */
  readonly accepted = new Map<string, Set<string>>();
  /** Answers that blame the caller, who did nothing wrong. */
  readonly refusals: string[] = [];
  /** Calls that failed, or found a part of the service away. */
  failures = 0;
  readonly #options: LoadOptions;
  readonly #random: Random;
  #acceptedCount = 0;
  #next = 0;
  #begun = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#random = randomOf(options.seed, 'load');
    for (const name of options.devices.keys()) this.accepted.set(name, new Set());
  }

  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** From 0 to 1. */
  get progress(): number {
    return this.#acceptedCount / this.#options.scenario.reports;
  }

  /** Resolves when everything is accepted, what is sent again included. */
  async run(): Promise<void> {
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: lanes }, () => this.#lane(startedMs)));
  }

  async #lane(startedMs: number): Promise<void> {
    const { scenario, rate, limit } = this.#options;
    const repeats: Promise<void>[] = [];
    for (;;) {
      const batch = scenario.batches[this.#next];
      if (batch === undefined) break;
      this.#next += 1;
      const dueMs = rate === null ? 0 : startedMs + (1000 * this.#begun) / rate;
      this.#begun += batch.reports.length;
      await sleep(Math.max(0, dueMs - performance.now()));
      while (this.progress >= (limit?.() ?? Infinity)) await sleep(pollMs);
      const now = new Date().toISOString();
      const reports = batch.reports.map((report) => ({ ...report, '@timestamp': now }));
      await this.#send(batch, reports);
      if (batch.again) repeats.push(this.#sendAgain(batch, reports));
    }
    await Promise.all(repeats);
  }

  async #sendAgain(batch: PlannedBatch, reports: readonly ReportInput[]): Promise<void> {
    await sleep(between(this.#random, 0, againWithinMs));
    await this.#send(batch, reports);
  }

  async #send({ device: name, waitSeconds }: PlannedBatch, reports: readonly ReportInput[]): Promise<void> {
    const device = this.#options.devices.get(name);
    const accepted = this.accepted.get(name);
    if (device === undefined || accepted === undefined) throw new RangeError(`There is no device ${name}.`);
    await deliver(this.#options.url, device, reports, {
      pauseMs,
      timeoutMs: timeoutMs + waitSeconds * 1000,
      ...(waitSeconds > 0 && { waitSeconds }),
      onAccepted: (id) => {
        if (!accepted.has(id)) this.#acceptedCount += 1;
        accepted.add(id);
      },
      onFailed: (error) => {
        this.failures += 1;
        if (error instanceof RefusedError && error.status < 500 && error.status !== 429)
          this.refusals.push(`${name}: ${error.message}`);
      },
    });
  }
}
