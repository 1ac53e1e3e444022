import { describe, expect, test } from '@jest/globals';
import { continueTrace, traceIdOf } from '../../../platform/telemetry/trace.ts';

const received = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const form = /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/;

describe('W3C trace context', () => {
  test('a trace goes on with a span of our own and the caller’s flags', () => {
    const sent = continueTrace(received);
    expect(sent).toMatch(form);
    expect(traceIdOf(sent)).toBe(traceIdOf(received));
    expect(sent.slice(36, 52)).not.toBe(received.slice(36, 52));
    expect(sent.endsWith('-01')).toBe(true);
  });

  test('a later version is read by its known prefix', () => {
    expect(traceIdOf(continueTrace(`01${received.slice(2)}-more`))).toBe(traceIdOf(received));
  });

  test.each([
    undefined,
    '',
    'nonsense',
    `${received}-more`,
    `ff${received.slice(2)}`,
    received.toUpperCase(),
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
  ])('%p starts a new trace', (value) => {
    const sent = continueTrace(value);
    expect(sent).toMatch(form);
    expect(traceIdOf(sent)).not.toBe(traceIdOf(received));
  });
});
