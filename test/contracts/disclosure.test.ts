import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { discloseDecision } from '../../contracts/disclosure.ts';
import { acceptedReport, decisionFor, newTenant, scoreOf } from '../support/history.ts';

const tenantId = newTenant();
const accepted = acceptedReport({ tenantId });
const other = acceptedReport({ tenantId: newTenant() });

const term = fc.record({
  name: fc.constantFrom('prior', 'prevalence', 'score:metadata', 'finding:process-image', 'others:confirmed'),
  micronats: fc.integer({ min: -9_000_000, max: 9_000_000 }),
  content: fc.boolean(),
  own: fc.boolean(),
  text: fc.string({ maxLength: 20 }),
});
const decision = fc
  .record({ terms: fc.array(term, { maxLength: 8 }), tenants: fc.integer({ min: 1, max: 5 }) })
  .map(({ terms, tenants }) =>
    decisionFor(accepted, {
      reach: 'ecosystem',
      terms,
      sumMicronats: terms.reduce((sum, { micronats }) => sum + micronats, 0),
      scores: [scoreOf(accepted, 0.9), scoreOf(other, 0.8)],
      signals: {
        firstSeenAt: accepted.acceptedAt,
        lastSeenAt: accepted.acceptedAt,
        devices: 40,
        tenants,
        ownDevices: 2,
        confirmations: [],
      },
    }),
  );

describe('what is told of a decision', () => {
  test('the terms still add up to the sum, for whoever reads', () => {
    fc.assert(
      fc.property(decision, fc.constantFrom(tenantId, null), (record, reader) => {
        const { terms } = discloseDecision(record, reader, 3);
        expect(terms.reduce((sum, { micronats }) => sum + micronats, 0)).toBe(record.sumMicronats);
      }),
    );
  });

  test('names no tenant, device or report of others', () => {
    fc.assert(
      fc.property(decision, (record) => {
        const text = JSON.stringify(discloseDecision(record, null, 3));
        for (const { tenantId: tenant, deviceId, report } of [accepted, other])
          for (const id of [tenant, deviceId, report.id]) expect(text).not.toContain(id);
        const own = JSON.stringify(discloseDecision(record, tenantId, 3));
        expect(own).not.toContain(other.tenantId);
      }),
    );
  });

  test('counts are told from three tenants on, and what follows from them is not told before', () => {
    fc.assert(
      fc.property(decision, (record) => {
        const { signals, terms } = discloseDecision(record, tenantId, 3);
        const counted = record.signals.tenants >= 3;
        expect(signals.devices).toBe(counted ? 40 : 2);
        expect(signals.firstSeenAt === null).toBe(!counted);
        if (!counted) expect(terms.map(({ name }) => name)).not.toContain('prevalence');
      }),
    );
  });
});
