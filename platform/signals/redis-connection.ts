import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'node:util';
import { Cluster, type ChainableCommander as Pipeline, type Redis } from 'ioredis';
import { FirebreakError, isFirebreakError } from '../../contracts/errors.ts';
import { createRedisClient, type RedisTimes } from './redis-client.ts';
import type { RedisTarget } from './redis-target.ts';

export type { Pipeline };

export type RedisNotice =
  | { readonly kind: 'connected' }
  | { readonly kind: 'away'; readonly why: string }
  /** The server drops keys when its memory is full: what is dropped passes for unknown. It must be `noeviction`. */
  | { readonly kind: 'evicting'; readonly policy: string };

export interface RedisConnectionOptions extends RedisTimes {
  readonly target: RedisTarget;
  readonly onNotice: (notice: RedisNotice) => void;
}

/** A connection lost for no longer than this is waited for; after that calls are rejected at once. */
const blipMs = 250;
const settleMs = 10;

/**
 * One client of Redis that recovers by itself.
 *
 *   connecting ──▶ ready ──lost──▶ away, calls wait a moment ──blip over──▶ away, calls reject ──connected──▶ ready
 *       └──time is up──▶ away      any ──close──▶ closed
 *
 * What was sent when the connection was lost is sent once more if the connection is back within the moment: so it must
 * be idempotent. Everything that keeps an answer from coming is FB_SIGNALS_UNAVAILABLE.
 */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #client: Redis | Cluster;
  #lostAtMs = Date.now();
  #why = 'it was not reached yet';
  #isAway = false;
  #closed = false;

  /** Connects in the background. */
  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    this.#client = createRedisClient(options.target, options);
    // Every call that waits for the connection listens for it, and stops listening.
    this.#client.setMaxListeners(0);
    // A closed connection follows. The first error of an attempt is kept for the message: others follow from it.
    let isFirst = true;
    this.#client.on('connecting', () => (isFirst = true));
    this.#client.on('error', (error: Error) => {
      if (isFirst) this.#why = error.message || error.name;
      isFirst = false;
    });
    this.#client.on('close', () => this.#lost());
    this.#client.on('ready', () => this.#connected());
  }

  /** Waits for the first connection, at most the time for connecting; without one the store is away, and connected later. */
  async open(): Promise<void> {
    if (!(await this.#readyWithin(this.#options.connectTimeoutMs))) this.#lost();
  }

  get why(): string | null {
    return this.#isReady ? null : this.#why;
  }

  /**
   * Sends in one round trip what is queued.
   *
   * @param queue queues idempotent commands whose keys lie in one slot; called again when they are sent again
   * @returns one reply a command
   * @throws FB_SIGNALS_UNAVAILABLE, within about the time for commands
   */
  async send(queue: (pipeline: Pipeline) => void): Promise<readonly unknown[]> {
    if (!(await this.#readyWithin(this.#lostAtMs + blipMs - Date.now()))) throw unavailable(this.#why);
    try {
      return await this.#exchange(queue);
    } catch (error) {
      if (!isBlip(error)) throw error;
      // The client learns of a loss a moment after the first command fails.
      await sleep(settleMs);
      if (!(await this.#readyWithin(blipMs))) throw unavailable(this.#why, error);
      return await this.#exchange(queue);
    }
  }

  /** Waits for what was sent, at most the time for commands. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#why = 'it was closed';
    if (this.#client.status === 'ready') {
      await withinTime(this.#client.quit(), this.#options.commandTimeoutMs).catch(() => undefined);
    }
    this.#client.disconnect();
  }

  async #exchange(queue: (pipeline: Pipeline) => void): Promise<readonly unknown[]> {
    const pipeline = this.#client.pipeline();
    queue(pipeline);
    const { commandTimeoutMs } = this.#options;
    const replies = await withinTime(pipeline.exec(), commandTimeoutMs).catch((error: unknown) => {
      throw unavailable(types.isNativeError(error) ? error.message : String(error), error);
    });
    if (replies === 'late') {
      this.#distrust();
      throw unavailable(`no answer within ${commandTimeoutMs} ms`);
    }
    return (replies ?? []).map(([error, reply]) => {
      if (error === null) return reply;
      if (isBug(error)) throw error;
      throw unavailable(error.message, error);
    });
  }

  /** A server that does not answer may never do so: until a new connection is greeted, calls are rejected at once. */
  #distrust(): void {
    const client = this.#client;
    if (client instanceof Cluster || !this.#isReady) return;
    this.#why = 'it does not answer';
    this.#lost();
    client.disconnect(true);
  }

  get #isReady(): boolean {
    return !this.#isAway && !this.#closed && this.#client.status === 'ready';
  }

  #readyWithin(ms: number): Promise<boolean> {
    const client = this.#client;
    if (this.#isReady) return Promise.resolve(true);
    if (this.#closed || ms <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (isReady: boolean) => {
        clearTimeout(timer);
        client.off('ready', onReady);
        resolve(isReady);
      };
      const onReady = () => end(!this.#closed);
      const timer = setTimeout(() => end(false), ms);
      client.on('ready', onReady);
    });
  }

  #connected(): void {
    this.#isAway = false;
    this.#options.onNotice({ kind: 'connected' });
    this.#checkEviction().catch(() => undefined);
  }

  /** Told once, however many attempts to connect follow. */
  #lost(): void {
    if (this.#isAway || this.#closed) return;
    this.#isAway = true;
    this.#lostAtMs = Date.now();
    this.#options.onNotice({ kind: 'away', why: this.#why });
  }

  async #checkEviction(): Promise<void> {
    const client = this.#client;
    const servers = client instanceof Cluster ? client.nodes('master') : [client];
    const memory = await Promise.all(servers.map((server) => server.info('memory')));
    const policies = new Set(
      memory.map((text) => /^maxmemory_policy:(\S+)/m.exec(text)?.[1] ?? 'noeviction'),
    );
    policies.delete('noeviction');
    for (const policy of policies) this.#options.onNotice({ kind: 'evicting', policy });
  }
}

/** Neither an answer of the server nor the lack of one. */
/**
 * The connection was lost, or a node of a cluster to which a slot has moved does not know the script: the client, which
 * believed it did, sends the whole script the next time.
 */
function isBlip(error: unknown): boolean {
  if (!isFirebreakError(error) || !types.isNativeError(error.cause)) return false;
  const { name, message } = error.cause;
  return name !== 'ReplyError' || message.startsWith('NOSCRIPT');
}

/** A script that fails by itself. One that the server stopped, for want of memory say, tells its code, before 7.0 behind ERR. */
function isBug(error: Error): boolean {
  return (
    error.name === 'ReplyError' &&
    /^(?:ERR|WRONGTYPE)\b(?!.*: -(?!ERR|WRONGTYPE)[A-Z]+ )/s.test(error.message)
  );
}

export function unavailable(why: string, cause?: unknown): FirebreakError {
  const options = cause === undefined ? {} : { cause };
  return new FirebreakError(
    'FB_SIGNALS_UNAVAILABLE',
    `The signals in Redis are away: ${why.replace(/\.$/, '')}.`,
    options,
  );
}

async function withinTime<Value>(promise: Promise<Value>, ms: number): Promise<Value | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
