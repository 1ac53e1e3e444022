import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { runningModeSchema } from '../../contracts/domain.ts';
import { deviceIdSchema, storedTimestampSchema, tenantIdSchema } from '../../contracts/ids.ts';
import { defaultPolicy, policySchema, type Policy } from '../../contracts/policy.ts';

/**
 * What the agent keeps between runs, in one folder of its own: `agent.json` (who it is; mode 0600, it holds the
 * credential), `policy.json` and `contact.json` (what the service said last), and the entries that `watch` keeps.
 */
const identitySchema = z.object({
  installationId: z.string(),
  baseUrl: z.url(),
  tenantId: tenantIdSchema,
  deviceId: deviceIdSchema,
  credential: z.string(),
  runningMode: runningModeSchema,
});
export type AgentIdentity = z.infer<typeof identitySchema>;

const contactSchema = z.object({ at: storedTimestampSchema, serverOffsetMs: z.number() });
export type Contact = z.infer<typeof contactSchema>;

/** What went wrong, and what to do about it, in one sentence for the person at the terminal. */
export class AgentError extends Error {
  constructor(message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.name = 'AgentError';
  }
}

/** @returns the folder that was asked for, else `FIREBREAK_AGENT_STATE`, else `~/.firebreak-agent` */
export function stateFolderPath(asked: string | undefined, environment: NodeJS.ProcessEnv): string {
  return resolve(asked ?? environment['FIREBREAK_AGENT_STATE'] ?? join(homedir(), '.firebreak-agent'));
}

export class StateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws AgentError when the device is not enrolled or its file is damaged */
  async identity(): Promise<AgentIdentity> {
    const identity = await this.#read('agent.json', identitySchema);
    if (identity) return identity;
    throw new AgentError(
      `There is no enrolled device in ${this.path}: run \`firebreak-agent enroll --url URL --key KEY\` first.`,
    );
  }

  /** The installation's id, made at first use, so that enrolling again keeps the device. */
  async installationId(): Promise<string> {
    const identity = await this.#read('agent.json', identitySchema).catch(() => null);
    return identity?.installationId ?? randomUUID();
  }

  async saveIdentity(identity: AgentIdentity): Promise<void> {
    await this.#write('agent.json', identity);
  }

  /** @returns the last policy that the service named, or the default */
  async policy(): Promise<Policy> {
    return (await this.#read('policy.json', policySchema).catch(() => null)) ?? defaultPolicy;
  }

  async savePolicy(policy: Policy): Promise<void> {
    await this.#write('policy.json', policy);
  }

  async contact(): Promise<Contact | null> {
    return this.#read('contact.json', contactSchema).catch(() => null);
  }

  async saveContact(contact: Contact): Promise<void> {
    await this.#write('contact.json', contact);
  }

  async #read<Value>(name: string, schema: z.ZodType<Value>): Promise<Value | null> {
    const path = join(this.path, name);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      if (errorCode(cause) === 'ENOENT') return null;
      throw new AgentError(`${path} cannot be read (${errorCode(cause)}): give this user access to it.`, {
        cause,
      });
    }
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new AgentError(`${path} is damaged: remove it and enrol again.`, { cause });
    }
  }

  /** All or nothing: a crash leaves the old file or the new one. */
  async #write(name: string, value: object): Promise<void> {
    const path = join(this.path, name);
    const fresh = `${path}.${randomUUID()}.new`;
    try {
      await mkdir(this.path, { recursive: true, mode: 0o700 });
      await writeFile(fresh, JSON.stringify(value, null, 2) + '\n', { mode: 0o600 });
      await chmod(fresh, 0o600);
      await rename(fresh, path);
    } catch (cause) {
      throw new AgentError(
        `${this.path} cannot be written (${errorCode(cause)}): choose another folder with --state or FIREBREAK_AGENT_STATE.`,
        { cause },
      );
    }
  }
}

/** @returns the code of a system error, such as ENOENT */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}
