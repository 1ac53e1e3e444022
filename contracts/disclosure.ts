import type { DecisionRecord, DecisionStep, SignalSnapshot, Term } from './decision.ts';
import type { TenantId } from './ids.ts';

/** A decision without what names anybody: what a person of a tenant may read. */
export type DisclosedDecision = Omit<DecisionRecord, 'tenantId' | 'deviceId' | 'trigger'> & {
  readonly trigger: DecisionRecord['trigger'] | null;
};

/** Steps whose words may count devices of other tenants. */
const countingSteps: readonly string[] = ['blast-radius', 'allowance', 'breaker'];

/**
 * What one tenant may know of a decision. Its own reports, scores and terms are told; what other tenants contributed
 * is one sum. How many tenants and devices know the artifact, and since when, is told from `k` tenants on.
 *
 * @param reader the tenant that reads; null for all tenants at once, as in a decision that another tenant's report tipped
 */
export function discloseDecision(
  record: DecisionRecord,
  reader: TenantId | null,
  k: number,
): DisclosedDecision {
  const { tenantId, deviceId: _deviceId, trigger, fileName, ...rest } = record;
  const own = reader === tenantId;
  const counted = rest.signals.tenants >= k;
  return {
    ...rest,
    ...(own && fileName !== undefined && { fileName }),
    trigger: own ? trigger : null,
    terms: discloseTerms(rest.terms, own, counted),
    scores: rest.scores.filter((score) => score.tenantId === reader),
    signals: discloseSignals(rest.signals, own, counted),
    steps: rest.steps.map((step) => discloseStep(step, own, counted)),
  };
}

function discloseTerms(terms: readonly Term[], own: boolean, counted: boolean): Term[] {
  const mayRead = (term: Term): boolean =>
    term.name === 'prior' || (own && term.own && (counted || term.name !== 'prevalence'));
  const told = terms.filter(mayRead);
  const others = terms.filter((term) => !mayRead(term));
  if (others.length === 0) return told;
  const micronats = others.reduce((sum, term) => sum + term.micronats, 0);
  const content = others.every((term) => term.content);
  const text = 'what other organizations and the whole of all reports contributed';
  return [...told, { name: 'others', micronats, content, own: false, text }];
}

function discloseSignals(signals: SignalSnapshot, own: boolean, counted: boolean): SignalSnapshot {
  const ownDevices = own ? signals.ownDevices : 0;
  const confirmations = own ? signals.confirmations.filter((confirmation) => confirmation.own) : [];
  if (counted) return { ...signals, ownDevices, confirmations };
  const tenants = ownDevices > 0 ? 1 : 0;
  return { firstSeenAt: null, lastSeenAt: null, devices: ownDevices, tenants, ownDevices, confirmations };
}

function discloseStep(step: DecisionStep, own: boolean, counted: boolean): DecisionStep {
  const mayRead = own && (counted || !countingSteps.includes(step.step));
  return mayRead ? step : { ...step, text: '' };
}
