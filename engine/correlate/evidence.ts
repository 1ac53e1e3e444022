import type { TenantId } from '../../contracts/ids.ts';
import type { Score } from '../../contracts/score.ts';
import { deviceCount, type ArtifactSignals } from '../../contracts/signals.ts';
import { tacticOf, type ConfirmationFact, type FindingFact, type ScoreFact } from './fold.ts';
import { guardSchema, type Guard } from './guard.ts';

/** One classifier's word, as a decision weighs it. */
export interface Witness extends ScoreFact {
  readonly classifier: string;
  readonly content: boolean;
}

export interface Confirmation {
  readonly tenantId: TenantId;
  readonly micronats: number;
}

/** All that a decision for one tenant knows of one artifact. */
export interface Evidence {
  /** Own testimony and content, one per classifier: what the tenant's decision weighs. */
  readonly own: readonly Witness[];
  /** Content alone, one per classifier: what the ecosystem's decision weighs. */
  readonly content: readonly Witness[];
  readonly findings: readonly FindingFact[];
  readonly othersConfirmed: readonly Confirmation[];
  readonly guards: readonly { readonly tenantId: TenantId; readonly guard: Guard }[];
  readonly devices: number;
  readonly tenants: number;
  readonly ownDevices: number;
}

/** What counts of a score where only one report is looked at. */
type SaidOfReport = Pick<
  Score,
  'classifier' | 'version' | 'baseRate' | 'threshold' | 'supportsOnly' | 'result'
>;

/** @returns what the folded signals say to this tenant */
export function evidenceFromSignals(signals: ArtifactSignals, tenantId: TenantId): Evidence {
  const own = new Map<string, Witness>();
  const content = new Map<string, Witness>();
  const samples = new Map<string, Witness>();
  const findings: FindingFact[] = [];
  const othersConfirmed: Confirmation[] = [];
  const guards: { tenantId: TenantId; guard: Guard }[] = [];
  for (const { field, value } of signals.facts.values()) {
    // Most facts of a common artifact are testimony of others: seen before anything is taken apart.
    if ((field.startsWith('testimony:') || field.startsWith('sample:')) && !field.endsWith(tenantId))
      continue;
    const [kind, first = ''] = field.split(':', 2);
    if (kind === 'content') content.set(first, { ...(value as ScoreFact), classifier: first, content: true });
    // The tenant's own sample: what was condemned for everybody stands above it.
    else if (kind === 'sample')
      samples.set(first, { ...(value as ScoreFact), classifier: first, content: true });
    else if (kind === 'testimony')
      own.set(first, { ...(value as ScoreFact), classifier: first, content: false });
    else if (kind === 'finding' && first === tenantId) findings.push(value as FindingFact);
    else if (kind === 'confirmed' && first !== tenantId)
      othersConfirmed.push({ tenantId: first as TenantId, micronats: (value as ConfirmationFact).micronats });
    else if (kind === 'guard') guards.push({ tenantId: first as TenantId, guard: guardSchema.parse(value) });
  }
  for (const [classifier, witness] of samples) if (!content.has(classifier)) content.set(classifier, witness);
  return {
    own: strongestPerClassifier(own, content),
    content: [...content.values()],
    findings,
    othersConfirmed,
    guards,
    devices: deviceCount(signals),
    tenants: signals.devicesByTenant.size,
    ownDevices: signals.devicesByTenant.get(tenantId) ?? 0,
  };
}

/** @returns evidence out of the report's own scores, for when cross-tenant signals are away */
export function evidenceFromScores(scores: readonly SaidOfReport[]): Evidence {
  const witnesses = scores.flatMap((score): readonly (Witness | null)[] => {
    const { result, classifier, baseRate, threshold, version, supportsOnly } = score;
    if (result.outcome !== 'score') return [];
    const tactic = tacticOf(result.evidence);
    const common = {
      ...{ classifier, baseRate, threshold, version, capped: result.capped ?? false, tactic },
      ...(supportsOnly !== undefined && { supportsOnly }),
    };
    return [
      { ...common, probability: result.probability, content: false },
      result.contentProbability === null
        ? null
        : { ...common, probability: result.contentProbability, content: true },
    ];
  });
  const present = witnesses.filter((witness) => witness !== null);
  const byClassifier = (list: readonly Witness[]) =>
    new Map(list.map((witness) => [witness.classifier, witness]));
  const content = present.filter((witness) => witness.content);
  return {
    own: strongestPerClassifier(
      byClassifier(present.filter((witness) => !witness.content)),
      byClassifier(content),
    ),
    content,
    findings: [],
    othersConfirmed: [],
    guards: [],
    devices: 1,
    tenants: 1,
    ownDevices: 1,
  };
}

/** A classifier that saw context and content counts once, with the view that says more. */
function strongestPerClassifier(
  own: ReadonlyMap<string, Witness>,
  content: ReadonlyMap<string, Witness>,
): readonly Witness[] {
  const classifiers = new Set([...own.keys(), ...content.keys()]);
  return [...classifiers].flatMap((classifier) => {
    const [testimony, word] = [own.get(classifier), content.get(classifier)];
    if (testimony === undefined) return word === undefined ? [] : [word];
    return [word !== undefined && word.probability >= testimony.probability ? word : testimony];
  });
}
