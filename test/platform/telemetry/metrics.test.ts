import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';

describe('the metrics of a process', () => {
  test('two instances do not share anything', async () => {
    const [a, b] = [createMetrics(), createMetrics()];
    const description = { name: 'firebreak_test_total', help: 'A test.' };
    a.counter(description).inc();
    b.counter(description);
    expect((await a.page()).text).toContain('firebreak_test_total 1');
    expect((await b.page()).text).toContain('firebreak_test_total 0');
  });

  test('counters go on from what the page said', async () => {
    const metrics = createMetrics();
    const [plain, labelled] = [
      metrics.counter({ name: 'plain_total', help: 'A.' }),
      metrics.counter({ name: 'labelled_total', help: 'B.' }, ['end', 'reach']),
    ];
    plain.inc();
    plain.inc(4);
    labelled.inc({ end: 'complete', reach: 'device' });
    labelled.inc({ reach: 'device', end: 'complete' }, 2);
    labelled.inc({ end: 'deadline', reach: 'device' });
    await metrics.page();
    plain.inc();
    labelled.inc({ end: 'complete', reach: 'device' }, 10);
    const { text } = await metrics.page();
    expect(text).toContain('plain_total 6');
    expect(text).toContain('labelled_total{end="complete",reach="device"} 13');
    expect(text).toContain('labelled_total{end="deadline",reach="device"} 1');
  });

  test('gauges are asked when the page is read', async () => {
    const metrics = createMetrics();
    let waiters = 1;
    metrics.gauge(
      { name: 'firebreak_waiters', help: 'Held requests.' },
      { collect: (gauge) => gauge.set(waiters) },
    );
    waiters = 7;
    expect((await metrics.page()).text).toContain('firebreak_waiters 7');
  });

  test('labels and buckets are kept, and everything is listed', async () => {
    const metrics = createMetrics();
    metrics.counter({ name: 'a_total', help: 'A.' }, ['status']).inc({ status: 'known' }, 2);
    metrics.histogram({ name: 'b_seconds', help: 'B.' }, { buckets: [1, 2] }).observe(1.5);
    const { text, mediaType } = await metrics.page();
    expect(mediaType).toContain('text/plain');
    expect(text).toContain('a_total{status="known"} 2');
    expect(text).toContain('b_seconds_bucket{le="2"} 1');
    expect(metrics.list()).toEqual([
      { name: 'a_total', help: 'A.', type: 'counter', labels: ['status'] },
      { name: 'b_seconds', help: 'B.', type: 'histogram', labels: [] },
    ]);
  });
});
