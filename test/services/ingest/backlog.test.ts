import { describe, expect, test } from '@jest/globals';
import { toTimestamp } from '../../../contracts/ids.ts';
import { Backlog } from '../../../services/ingest/backlog.ts';

const startMs = Date.parse('2026-03-01T12:00:00.000Z');
const until = (partition: number, afterMs: number) => ({
  partition,
  decidedUntil: toTimestamp(startMs + afterMs),
});

describe('the backlog', () => {
  test('is as old as its oldest report that correlators at work have not come to', () => {
    const backlog = new Backlog();
    backlog.progressed(until(0, 0), startMs);
    backlog.progressed(until(1, 0), startMs);
    backlog.appended(0, startMs + 100);
    backlog.appended(0, startMs + 900);
    backlog.appended(1, startMs + 500);
    expect(backlog.ageMs(startMs + 1000)).toBe(900);
    backlog.progressed(until(0, 700), startMs + 1000);
    expect(backlog.ageMs(startMs + 1000)).toBe(500);
    backlog.progressed(until(1, 500), startMs + 1000);
    expect(backlog.ageMs(startMs + 1000)).toBe(300);
    backlog.progressed(until(0, 900), startMs + 1100);
    expect(backlog.ageMs(startMs + 1200)).toBe(0);
  });

  test('news of a decision may come before the append is known to have landed', () => {
    const backlog = new Backlog();
    backlog.progressed(until(0, 100), startMs + 150);
    backlog.appended(0, startMs + 100);
    expect(backlog.ageMs(startMs + 2000)).toBe(0);
  });

  test('while no correlator is heard of, nothing is late: the log keeps what it is given', () => {
    const backlog = new Backlog();
    backlog.appended(0, startMs);
    expect(backlog.ageMs(startMs + 3000)).toBe(0);
    backlog.progressed(until(0, -10), startMs + 3000);
    expect(backlog.ageMs(startMs + 4000)).toBe(4000);
    expect(backlog.ageMs(startMs + 8001)).toBe(0);
  });
});
