import { artifactKeySchema } from '../../contracts/artifact.ts';
import { uuidOf } from '../../contracts/canonical.ts';
import { deviceIdSchema, tenantIdSchema, type TenantId } from '../../contracts/ids.ts';
import type { Evidence, Witness } from '../../engine/correlate/evidence.ts';
import { defaultDecisionConfig } from '../../engine/decide/config.ts';
import type { DecideInput } from '../../engine/decide/decide.ts';

export const tenantOf = (name: string): TenantId => tenantIdSchema.parse(uuidOf(`tenant ${name}`));
export const deviceOf = (name: string) => deviceIdSchema.parse(uuidOf(`device ${name}`));
export const keyOf = (n: number) =>
  artifactKeySchema.parse(`file:sha256:${n.toString(16).padStart(64, '0')}`);
export const scriptKeyOf = (n: number) =>
  artifactKeySchema.parse(`script:sha256:${n.toString(16).padStart(64, '0')}`);

export const domainKeyOf = (name: string) => artifactKeySchema.parse(`domain:${name}`);

export function witness(probability: number, more: Partial<Witness> = {}): Witness {
  return {
    classifier: 'metadata',
    probability,
    baseRate: 0.5,
    threshold: 0.95,
    version: '1',
    capped: false,
    tactic: null,
    content: false,
    ...more,
  };
}

export const noEvidence: Evidence = {
  own: [],
  content: [],
  findings: [],
  othersConfirmed: [],
  guards: [],
  devices: 1,
  tenants: 1,
  ownDevices: 1,
};

export function decideInput(evidence: Partial<Evidence>, more: Partial<DecideInput> = {}): DecideInput {
  return {
    artifactKey: keyOf(1),
    kind: 'file',
    tenantId: tenantOf('alpha'),
    evidence: { ...noEvidence, ...evidence },
    trustOf: () => 'established',
    recentEcosystemBlocks: 0,
    degraded: false,
    config: defaultDecisionConfig,
    ...more,
  };
}
