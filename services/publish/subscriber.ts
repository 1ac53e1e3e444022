import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { toTimestamp } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { PublishEvents, ResyncReason } from './events.ts';
import { checkpointFrame } from './flush.ts';
import { frame, preamble, retryFrame } from './frames.ts';
import type { Listener } from './listener.ts';
import type { Publisher } from './publisher.ts';
import type { PublishedState } from './published-state.ts';
import type { Caller } from './scope.ts';

export interface SubscriberDependencies {
  readonly state: PublishedState;
  readonly publisher: Publisher;
  readonly limits: Limits;
  readonly events: PublishEvents;
  readonly now: () => number;
}

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
  connection: 'close',
};

/** Pings without any progress on a queue that is not empty, before its reader counts as gone. */
const patiencePings = 3;
/** How long a connection that was ended may take to drain. */
const farewellMs = 10_000;

/**
 * One connection of the stream: open → (live: in the publisher's list) → ended. What waits to be written is bounded; a
 * reader that falls further behind is told to resync, and dropped.
 *
 * The answer has no length and no chunks: it ends when the connection does, so a flush is written as it is, shared.
 */
export class Subscriber implements Listener {
  readonly caller: Caller;
  owesCheckpoint = false;
  readonly #response: ServerResponse;
  readonly #deps: SubscriberDependencies;
  readonly #pings: NodeJS.Timeout;
  #checkpointCursor = '';
  #idlePings = 0;
  #flushedBytes = -1;
  #live = false;
  #ended = false;

  constructor(response: ServerResponse, caller: Caller, dependencies: SubscriberDependencies) {
    this.caller = caller;
    this.#response = response;
    this.#deps = dependencies;
    this.#pings = setInterval(() => this.#ping(), dependencies.limits.pingMs);
    response.on('close', () => this.#leave());
    response.on('error', () => this.#leave());
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, headers);
    const { limits, now, publisher, events } = dependencies;
    const hello = { now: toTimestamp(now()), pingMs: limits.pingMs, signingKeys: [] };
    response.write(preamble + retryFrame(publisher.retryMs()) + frame('hello', JSON.stringify(hello)));
    publisher.connections += 1;
    events.subscribed();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when the connection has taken what was written, or is gone. */
  async drained(): Promise<void> {
    const out = this.#out;
    if (!out.writableNeedDrain || this.#ended) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        out.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      out.on('drain', done);
      this.#response.on('close', done);
    });
  }

  /** From now on it receives every flush that concerns it. It must have been sent all that stands before the publisher's cut. */
  goLive(): void {
    const { publisher, state } = this.#deps;
    const offboarding = state.offboarding(this.caller.deviceId);
    if (offboarding !== undefined) this.offboard(offboarding);
    else if (publisher.stopping) this.dismiss(publisher.retryMs());
    else {
      this.#live = true;
      publisher.listeners.add(this);
      this.checkpoint();
    }
  }

  receive(body: Buffer | string): void {
    if (this.#ended) return;
    if (this.#response.writableLength + body.length > this.#deps.limits.subscriberQueueBytes) {
      this.resync('too-slow');
      return;
    }
    this.#out.write(body);
  }

  /** Sends a checkpoint now if that is true for everybody, else with the next flush. */
  checkpoint(): void {
    const { publisher, state, now } = this.#deps;
    this.owesCheckpoint = !publisher.settle();
    if (this.owesCheckpoint || this.#checkpointCursor === publisher.cursor) return;
    this.#checkpointCursor = publisher.cursor;
    this.receive(checkpointFrame(state, this.caller, publisher.cursor, now()));
  }

  resync(reason: ResyncReason): void {
    const retryAfterMs = reason === 'no-cursor' ? 0 : this.#deps.publisher.retryMs();
    const data = { reason, snapshot: '/v1/snapshot', retryAfterMs };
    this.#deps.events.resynced(reason);
    this.#end(frame('resync', JSON.stringify(data)));
  }

  offboard(entries: 'purge' | 'keep-until-expiry'): void {
    this.#end(frame('offboarded', JSON.stringify({ entries })));
  }

  dismiss(retryMs: number): void {
    this.#end(retryFrame(retryMs));
  }

  /** Bytes go to the socket itself where it is ours already: the answer adds nothing to them, and costs as much again as the write. */
  get #out(): Writable {
    return this.#response.socket ?? this.#response;
  }

  #ping(): void {
    if (this.#isStuck()) {
      this.resync('too-slow');
      return;
    }
    this.receive(frame('ping', JSON.stringify({ now: toTimestamp(this.#deps.now()) })));
    // A quiet subscriber gets a fresh cursor too, so that an old one never grows out of its life.
    if (this.#live) this.checkpoint();
  }

  #isStuck(): boolean {
    const { socket, writableLength } = this.#response;
    const flushedBytes = (socket?.bytesWritten ?? 0) - writableLength;
    this.#idlePings = writableLength > 0 && flushedBytes === this.#flushedBytes ? this.#idlePings + 1 : 0;
    this.#flushedBytes = flushedBytes;
    return this.#idlePings >= patiencePings;
  }

  #end(last: string): void {
    if (this.#ended) return;
    this.#leave();
    this.#response.end(last);
    const farewell = setTimeout(() => this.#response.destroy(), farewellMs);
    this.#response.on('close', () => clearTimeout(farewell));
  }

  #leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#pings);
    this.#deps.publisher.listeners.remove(this);
    this.#deps.publisher.connections -= 1;
    this.#deps.events.unsubscribed();
  }
}
