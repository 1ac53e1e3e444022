import { createRequire } from 'node:module';

/** The part of kafkajs's queue of requests that matters here; there is one for each connection. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
  readonly prototype: RequestQueue & { isQuiet?: true };
};

/**
 * kafkajs 2.2.4 looks for pending requests every millisecond, on every connection, for ever, also where none is: it
 * counts the time from a throttle that is long over, which comes out negative. With a handful of connections that is the
 * larger part of what an idle process uses. Here the look is only planned where something is pending.
 */
export function quietRequestQueues(): void {
  if (prototype.isQuiet === true) return;
  prototype.isQuiet = true;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}
