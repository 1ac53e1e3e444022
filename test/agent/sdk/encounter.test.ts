import { describe, expect, test } from '@jest/globals';
import { encounter, type Sentry } from '../../../agent/sdk/encounter.ts';
import { observeCommandLine } from '../../../agent/sdk/observe.ts';
import { ServiceError } from '../../../agent/sdk/service-call.ts';
import { identifyArtifact } from '../../../contracts/canonical.ts';
import { reason } from '../../../contracts/domain.ts';
import { entrySchema, type Entry } from '../../../contracts/entry.ts';
import { reportResultSchema } from '../../../contracts/http.ts';
import { toTimestamp } from '../../../contracts/ids.ts';
import { defaultPolicy } from '../../../contracts/policy.ts';
import { reportSchema, type ReportInput } from '../../../contracts/report.ts';

const report = observeCommandLine('vssadmin delete shadows /all');
const { key } = identifyArtifact(reportSchema.parse(report).artifact);

function entry(more: object = {}): Entry {
  return entrySchema.parse({
    id: '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b11',
    revision: 1,
    key,
    source: 'decision',
    reach: 'tenant',
    verdict: 'malicious',
    action: 'block',
    blockFrom: 'default',
    remediation: [],
    severity: 'high',
    reason: reason('behavior'),
    decidedAt: '2026-11-22T10:00:00.000Z',
    expiresAt: '2026-12-22T10:00:00.000Z',
    ...more,
  });
}

const fail = (error: unknown) => (): never => {
  throw error;
};

interface Sent {
  readonly reports: readonly ReportInput[];
  readonly waitMs: number | undefined;
}

function sentry(
  entries: readonly Entry[],
  answerWith: () => Entry | null,
): Sentry & { readonly sent: Sent[] } {
  const sent: Sent[] = [];
  return {
    sent,
    device: { deviceId: null, runningMode: 'active' },
    policy: defaultPolicy,
    entriesOf: (asked) => (asked === key ? entries : []),
    now: () => toTimestamp(Date.parse('2026-11-22T10:15:00.000Z')),
    client: {
      send: async (reports, options) => {
        sent.push({ reports, waitMs: options?.waitMs });
        const answer = answerWith();
        const verdict = answer === null ? 'pending' : 'malicious';
        return [
          reportResultSchema.parse({
            id: report.id,
            status: 'accepted',
            artifact: key,
            entry: answer,
            verdict,
          }),
        ];
      },
    },
  };
}

describe('a device meets something', () => {
  test('that its entries stop: it stops at once, waits for nobody, and reports that it did', async () => {
    const device = sentry([entry()], () => null);
    const met = await encounter(device, report, 10_000);
    expect(met).toMatchObject({ decidedAt: 'device', outcome: { stopped: true, verdict: 'malicious' } });
    expect(device.sent).toMatchObject([{ waitMs: 0, reports: [{ id: report.id, localAction: 'blocked' }] }]);
  });

  test('that its entries stop while the service is away: it stops all the same', async () => {
    const away = fail(new ServiceError('unreachable', 'Nobody answers.', { retryable: true }));
    expect((await encounter(sentry([entry()], away), report, 10_000)).outcome.stopped).toBe(true);
  });

  test('that is new: it holds it, asks, and obeys the answer', async () => {
    const device = sentry([], () => entry());
    const met = await encounter(device, report, 10_000);
    expect(met).toMatchObject({ decidedAt: 'service', outcome: { stopped: true, by: 'entry' } });
    expect(device.sent).toMatchObject([{ waitMs: 10_000, reports: [{ localAction: 'held' }] }]);
  });

  test('whose entry has expired: it asks', async () => {
    const device = sentry([entry({ expiresAt: '2026-11-22T10:14:59.999Z' })], () => null);
    expect(await encounter(device, report, 10_000)).toMatchObject({
      decidedAt: 'service',
      outcome: { stopped: false, by: 'policy' },
    });
  });

  test.each([
    ['away', new ServiceError('unreachable', 'Nobody answers.', { retryable: true })],
    ['too slow', new DOMException('late', 'TimeoutError')],
  ])('while the service is %s: the policy decides', async (_name, failure) => {
    const { outcome } = await encounter(sentry([], fail(failure)), report, 1000);
    expect(outcome).toMatchObject({ stopped: false, by: 'policy', verdict: 'pending' });
  });

  test('and a bug is no failure of the service: it is thrown', async () => {
    await expect(encounter(sentry([], fail(new TypeError('bug'))), report, 1000)).rejects.toThrow(TypeError);
  });
});
