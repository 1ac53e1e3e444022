import { describe, expect, test } from '@jest/globals';
import { ServerClock } from '../../../agent/sdk/clock.ts';

describe('server clock', () => {
  test('is the device’s own until the service has said its time', () => {
    expect(new ServerClock({ wallMs: () => 123, monotonicMs: () => 5 }).nowMs()).toBe(123);
  });

  test('follows the service and the monotonic clock, whatever happens to the wall clock', () => {
    const device = { monotonicMs: 1000, wallMs: 0 };
    const clock = new ServerClock({ monotonicMs: () => device.monotonicMs, wallMs: () => device.wallMs });
    clock.observe(1_790_000_000_000);
    device.wallMs = -1e9;
    device.monotonicMs += 2500;
    expect(clock.now()).toBe('2026-09-21T14:13:22.500Z');
  });

  test('believes the least delayed word, and the first one after a sleep', () => {
    let monotonicMs = 0;
    const clock = new ServerClock({ monotonicMs: () => monotonicMs });
    clock.observe(10_000);
    monotonicMs = 500;
    clock.observe(10_100);
    expect(clock.nowMs()).toBe(10_500);
    clock.observe(90_000);
    expect(clock.nowMs()).toBe(90_000);
  });

  test('forgets what was said long ago, so that a service set back is followed', () => {
    const clock = new ServerClock({ monotonicMs: () => 0 });
    clock.observe(50_000);
    for (let said = 0; said < 16; said += 1) clock.observe(20_000);
    expect(clock.nowMs()).toBe(20_000);
  });
});
