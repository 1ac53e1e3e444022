import { describe, expect, test } from '@jest/globals';
import type { AcceptedReport } from '../../../contracts/records.ts';
import { Hold } from '../../../services/ingest/hold.ts';
import type { Decided } from '../../../services/ingest/view.ts';
import { Waiters } from '../../../services/ingest/waiters.ts';
import { deviceOf } from '../../engine/samples.ts';
import { acceptedReport } from '../../support/reports.ts';

const text = (value: string) => ({ artifact: { kind: 'script' as const, text: value } });
const never = new AbortController().signal;

function decided(report: AcceptedReport, more: Partial<Decided> = {}): Decided {
  const { artifactKey: key, tenantId } = report;
  return { key, subject: { tenantId, deviceId: null }, origin: null, ...more };
}

describe('a held request', () => {
  test('ends when every report of it is decided', async () => {
    const waiters = new Waiters(10);
    const hold = new Hold(waiters);
    const [first, second] = [acceptedReport(text('a')), acceptedReport(text('b'))];
    expect(hold.addAll([first, second])).toBe(true);
    const outcome = hold.wait(60_000, never);
    waiters.notify(decided(first));
    expect(waiters.count).toBe(1);
    waiters.notify(decided(second));
    expect(await outcome).toBe('decided');
    expect(waiters.count).toBe(0);
  });

  test('hears of what was decided between its two looks', async () => {
    const waiters = new Waiters(10);
    const hold = new Hold(waiters);
    const report = acceptedReport(text('a'));
    hold.addAll([report]);
    hold.lookAgain((candidate) => candidate === report);
    expect(await hold.wait(60_000, never)).toBe('decided');
    expect(waiters.count).toBe(0);
  });

  test('ends when the time is up or the caller leaves, and lets go', async () => {
    const waiters = new Waiters(10);
    const hold = new Hold(waiters);
    hold.addAll([acceptedReport(text('a'))]);
    expect(await hold.wait(1, never)).toBe('timed-out');
    const leaving = new AbortController();
    const outcome = hold.wait(60_000, leaving.signal);
    leaving.abort();
    expect(await outcome).toBe('left');
    hold.close();
    expect(waiters.artifacts).toBe(0);
  });

  test('is not held at all when there are too many', () => {
    const waiters = new Waiters(1);
    const hold = new Hold(waiters);
    expect(hold.addAll([acceptedReport(text('a')), acceptedReport(text('b'))])).toBe(false);
    expect(waiters.count).toBe(0);
  });

  test('is told whose report decided it only when it was its own', () => {
    const waiters = new Waiters(10);
    const [own, other] = [acceptedReport(text('a')), acceptedReport(text('a'), { device: 'alpha-2' })];
    const holds = [own, other].map((report) => {
      const hold = new Hold(waiters);
      hold.addAll([report]);
      return hold;
    });
    const entryId = 'e' as never;
    const origin = { entryId, deviceId: own.deviceId, reportId: own.report.id };
    waiters.notify(decided(own, { origin }));
    expect(holds[0]?.originOf(own)).toEqual(origin);
    expect(holds[1]?.originOf(other)).toBeUndefined();
  });
});

describe('who waits', () => {
  test('a thousand devices with one artifact are one list, and all hear', () => {
    const waiters = new Waiters(2000);
    let heard = 0;
    for (let number = 0; number < 1000; number += 1) {
      const { artifactKey: key, tenantId } = acceptedReport(text('same'));
      waiters.add({ key, tenantId, deviceId: deviceOf(`d${number}`), settle: () => (heard += 1) });
    }
    expect(waiters.artifacts).toBe(1);
    waiters.notify(decided(acceptedReport(text('same')), { subject: { tenantId: null, deviceId: null } }));
    expect(heard).toBe(1000);
    expect(waiters.count).toBe(0);
  });

  test('a decision for one device or another tenant wakes nobody else', () => {
    const waiters = new Waiters(10);
    const hold = new Hold(waiters);
    const report = acceptedReport(text('a'));
    hold.addAll([report]);
    waiters.notify(
      decided(report, { subject: { tenantId: report.tenantId, deviceId: deviceOf('another') } }),
    );
    waiters.notify(decided(acceptedReport(text('a'), { tenant: 'beta' })));
    waiters.notify(decided(acceptedReport(text('b'))));
    expect(waiters.count).toBe(1);
  });
});
