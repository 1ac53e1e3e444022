import { randomUUID } from 'node:crypto';

/** Name of the HTTP header and of the log record header that carry the trace (W3C Trace Context, level 2). */
export const traceHeader = 'traceparent';

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * The value to send on for work that a request or record causes: the caller's trace with a span of our own, or a new
 * trace when the caller named none that can be read.
 *
 * @param received the header as it came
 * @returns `00-<trace id>-<span id>-<flags>`
 */
export function continueTrace(received?: string): string {
  const [, version, traceId, spanId, flags, more] = (received && traceparent.exec(received)) || [];
  const readable =
    version !== undefined &&
    version !== 'ff' &&
    !(version === '00' && more !== undefined) &&
    traceId !== '0'.repeat(32) &&
    spanId !== '0'.repeat(16);
  // A version 4 UUID has 62 random bits at its end, more than the 56 that level 2 asks for.
  const span = randomUUID().replaceAll('-', '').slice(16);
  return readable
    ? `00-${traceId}-${span}-${flags === '01' || flags === '03' ? flags : '00'}`
    : `00-${randomUUID().replaceAll('-', '')}-${span}-00`;
}

/** @returns the trace id of a well-formed value, for log lines */
export function traceIdOf(value: string): string {
  return value.slice(3, 35);
}
