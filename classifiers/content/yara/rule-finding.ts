import { tactics, type Tactic } from '../../../contracts/score.ts';
import { findingLevels, type Finding, type FindingLevel } from '../finding.ts';
import type { RuleHit } from './engine.ts';

/** Rules of others tell no level: what they find supports, and decides nothing. */
const levelOfOthers: FindingLevel = 'medium';
const mostTechniques = 16;

/**
 * What a rule that matched says, by its `meta`: `level` (informational, low, medium, high, critical), `description`,
 * `tactic` and `techniques` (ATT&CK, separated by blanks).
 */
export function toFinding({ name, meta }: RuleHit): Finding {
  const tactic = tactics.find((known) => known === meta['tactic']) satisfies Tactic | undefined;
  const { techniques: listed } = meta;
  const techniques = typeof listed === 'string' ? listed.match(/T\d{4}(?:\.\d{3})?/gu) : null;
  const description = typeof meta['description'] === 'string' ? meta['description'] : `Rule ${name} matches.`;
  return {
    code: name.slice(0, 64),
    title: description.slice(0, 300).toWellFormed(),
    level: findingLevels.find((known) => known === meta['level']) ?? levelOfOthers,
    origin: 'rule',
    ...(tactic !== undefined && { tactic }),
    ...(techniques && { techniques: techniques.slice(0, mostTechniques) }),
  };
}
