import type { DecisionRecord } from '../../contracts/decision.ts';
import { probabilityOf } from './config.ts';

/** @returns micro-nats as nats with sign and two decimals */
function nats(micronats: number): string {
  return `${micronats < 0 ? '−' : '+'}${(Math.abs(micronats) / 1_000_000).toFixed(2)}`;
}

/** @returns the sum in words: every term with its weight in nats, the total, and what follows from it */
export function explain(
  record: Pick<
    DecisionRecord,
    'terms' | 'sumMicronats' | 'verdict' | 'blockFrom' | 'reach' | 'reason' | 'missing'
  >,
): string {
  const terms = record.terms.map((term) => `${nats(term.micronats)} ${term.text}`).join('; ');
  const missing = record.missing.length === 0 ? '' : ` Without an answer of ${record.missing.join(', ')}.`;
  const total = `${nats(record.sumMicronats)} nats, a probability of ${probabilityOf(record.sumMicronats).toFixed(4)}`;
  return `${terms}. Together ${total}: ${record.verdict}, blocking from level ${record.blockFrom}, reach ${record.reach}. ${record.reason.text}${missing}`;
}
