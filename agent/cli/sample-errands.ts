import { readFile } from 'node:fs/promises';
import type { Policy } from '../../contracts/policy.ts';
import type { SampleClient, SampleOutcome } from '../sdk/sample-client.ts';
import { printable } from './describe-outcome.ts';

/** Asks the person at the terminal. @returns null where there is nobody to ask */
export type Confirm = (question: string) => Promise<boolean | null>;

interface Wanted {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Sends files that the service asked for, beside the scan and never in its way. Under the consent `prompt` they wait
 * until everything is judged, and a person is asked one by one.
 */
export class SampleErrands {
  readonly #client: SampleClient;
  readonly #print: (line: string) => void;
  readonly #confirm: Confirm;
  readonly #running: Promise<void>[] = [];
  readonly #toAsk: Wanted[] = [];

  constructor(client: SampleClient, print: (line: string) => void, confirm: Confirm) {
    this.#client = client;
    this.#print = print;
    this.#confirm = confirm;
  }

  /** @param consent of the policy that the device has: the service's question never overrules it */
  add(consent: Policy['sampleConsent'], wanted: Wanted): void {
    if (consent === 'never') return;
    if (consent === 'prompt') this.#toAsk.push(wanted);
    else this.#running.push(this.#send(wanted));
  }

  /** Asks what is to be asked and resolves when everything is sent or given up. Never rejects. */
  async finish(): Promise<void> {
    for (const wanted of this.#toAsk.splice(0)) {
      const answer = await this.#confirm(
        `Send ${printable(wanted.path)} to the service, which wants to look into it? [y/N] `,
      );
      if (answer === true) this.#running.push(this.#send(wanted));
      else
        this.#tell(
          'not sent',
          wanted,
          answer === null ? 'The policy asks a person: run it in a terminal.' : 'As you wish.',
        );
    }
    await Promise.all(this.#running.splice(0));
  }

  async #send(wanted: Wanted): Promise<void> {
    try {
      const outcome = await this.#client.send(wanted.sha256, await readFile(wanted.path));
      this.#tell(...described(outcome, wanted));
    } catch (error) {
      this.#tell('not sent', wanted, error instanceof Error ? error.message : String(error));
    }
  }

  #tell(done: string, { path }: Wanted, why: string): void {
    this.#print(`${done}  ${printable(path)}  ${why}`);
  }
}

function described(outcome: SampleOutcome, wanted: Wanted): readonly [string, Wanted, string] {
  switch (outcome.kind) {
    case 'stored':
      return ['sent', wanted, 'The service looks into it.'];
    case 'known':
      return ['sent', wanted, 'The organization has sent it before.'];
    case 'refused':
    case 'changed':
      return ['not sent', wanted, outcome.why];
  }
}
