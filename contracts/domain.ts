import { z } from 'zod';

/** What is judged (STIX: observable). */
export const artifactKinds = [
  'file',
  'script',
  'command-line',
  'domain',
  'ip',
  'url',
  'certificate',
] as const;
export const artifactKindSchema = z.enum(artifactKinds);
export type ArtifactKind = z.infer<typeof artifactKindSchema>;

/** What an artifact is, as far as the service knows. Policy turns a verdict into an action; the two are different things. */
export const verdictSchema = z.enum(['malicious', 'suspicious', 'no-threats-found']);
export type Verdict = z.infer<typeof verdictSchema>;

/** A verdict as an answer, where it may still be open. */
export const verdictOrPendingSchema = z.enum([...verdictSchema.options, 'pending']);

/** Strongest first. Agents treat an action that they do not know as `audit`. */
export const actions = ['block-and-remediate', 'block', 'warn', 'audit', 'allow'] as const;
export const actionSchema = z.enum(actions);
export type Action = z.infer<typeof actionSchema>;

/** How far a decision goes. */
export const reachSchema = z.enum(['device', 'tenant', 'ecosystem']);
export type Reach = z.infer<typeof reachSchema>;

/**
 * Cloud block levels, most careful first. An entry's `blockFrom` is the first level that enforces it; a device at that
 * level or a later one blocks. Source: Defender's "specify cloud protection level" (Default, Moderate, High, High plus, Zero tolerance).
 */
export const blockLevels = ['default', 'moderate', 'high', 'high-plus', 'zero-tolerance'] as const;
export const blockLevelSchema = z.enum(blockLevels);
export type BlockLevel = z.infer<typeof blockLevelSchema>;

export const severitySchema = z.enum(['informational', 'low', 'medium', 'high']);
export type Severity = z.infer<typeof severitySchema>;

export const remediationSchema = z.enum(['stop-process', 'quarantine']);
export type Remediation = z.infer<typeof remediationSchema>;

/** How much a tenant's testimony counts for others; set by the operator. */
export const trustSchema = z.enum(['new', 'established', 'suspended']);
export type Trust = z.infer<typeof trustSchema>;

export const roleSchema = z.enum(['viewer', 'analyst', 'admin']);
export type Role = z.infer<typeof roleSchema>;

export const detectionSourceSchema = z.enum([
  'antivirus',
  'edr',
  'attack-surface-reduction',
  'script-scan',
  'smartscreen',
  'network-protection',
  'custom-detection',
  'custom-ti',
  'automated-investigation',
  'third-party',
  'firebreak',
]);
export type DetectionSource = z.infer<typeof detectionSourceSchema>;

/** What the device did with the artifact before it asked. */
export const localActionSchema = z.enum(['held', 'allowed', 'blocked', 'exited']);
export type LocalAction = z.infer<typeof localActionSchema>;

/** Antivirus running modes of an agent; `passive` devices enforce only under EDR in block mode. */
export const runningModeSchema = z.enum(['active', 'passive', 'edr-block', 'disabled']);
export type RunningMode = z.infer<typeof runningModeSchema>;

/**
 * Where evidence comes from. `content`: bytes or text whose digest the service computed itself. `testimony`: the word of
 * the reporting tenant; it never reaches other tenants by itself.
 */
export const evidenceKindSchema = z.enum(['content', 'testimony']);
export type EvidenceKind = z.infer<typeof evidenceKindSchema>;

/** Why an entry stands or goes, for people and for code. One catalogue; texts are what agents and analysts read. */
export const reasonTexts = {
  'content-evidence': 'The content itself was judged malicious.',
  'tenant-evidence': 'Reports of this organization add up to a block.',
  'tenant-consensus': 'Several established organizations confirmed it independently.',
  behavior: 'It was seen misbehaving after it had been let run.',
  'no-evidence': 'Nothing found speaks against it.',
  'weak-evidence': 'Something speaks against it, not enough to block at every level.',
  'evidence-withdrawn': 'The evidence no longer supports the block.',
  'override-allow': 'An analyst of this organization allows it.',
  'override-block': 'An analyst of this organization blocks it.',
  'override-withdrawn': 'The analyst took the decision back.',
  expired: 'The entry reached the end of its life.',
} as const;
export type ReasonCode = keyof typeof reasonTexts;
export const reasonCodeSchema = z.enum(Object.keys(reasonTexts) as [ReasonCode, ...ReasonCode[]]);
export const reasonSchema = z.strictObject({ code: reasonCodeSchema, text: z.string().max(500) });
export type Reason = z.infer<typeof reasonSchema>;

/** @returns the reason with its text from the catalogue */
export function reason(code: ReasonCode): Reason {
  return { code, text: reasonTexts[code] };
}
