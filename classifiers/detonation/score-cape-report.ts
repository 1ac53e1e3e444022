import { tactics, type ScoreEvidence, type Tactic } from '../../contracts/score.ts';
import type { ClassifierOutcome } from '../classifier.ts';
import type { CapeReport, CapeSignature } from './report-schema.ts';
import { signatureWeights, type SignatureWeight } from './signature-weights.ts';

/** One thing that the sandbox saw, and what it adds to the log-odds. */
interface Observation {
  readonly evidence: ScoreEvidence;
  readonly nats: number;
  /** What counts once: the family of a signature. */
  readonly family: string;
}

const maximalEvidence = 64;
/** Acts that honest installers show as well: all of them together stay at this. */
const commonBelowNats = 1;
const mostNatsOfCommonActs = 1.2;
/** Behaviour alone stays at this; a recognized family or payload goes beyond. */
const mostNatsOfBehaviour = 4.4;
const mostNats = 6.5;
/** By what CAPE found the family: its rules over unpacked memory and the configuration read out of it are strong. */
const detectionNats: Readonly<Record<string, number>> = { Yara: 4.5, Behavior: 2.5, Suricata: 3 };
const otherDetectionNats = 2;
const configurationNats = 4.5;
const payloadNats = 4;
const recognizedAs = 'recognized:';
/** What CAPE's own rules call a payload that is only packed. */
const harmlessPayloads: ReadonlySet<string> = new Set(['UPX', 'NSIS', 'InnoSetup', 'PyInstaller', 'AutoIT']);
const unknownSignatureNats = [0, 0, 0.2, 0.5, 0.5, 0.5] as const;

/**
 * Judges what a sandbox saw a sample do. What honest installers do as well adds up to a bound far below a block; severe
 * acts of several families reach it, and a recognized family, its configuration or its payload decides.
 *
 * It is testimony: whoever hands a report in says what a sandbox of theirs saw, and nobody here can look.
 * @returns `abstained` where nothing ran
 */
export function scoreCapeReport(report: CapeReport): ClassifierOutcome {
  const calls = report.behavior.processes.reduce((sum, process) => sum + process.calls, 0);
  const observations = [...recognitions(report), ...behaviour(report)];
  if (calls === 0 && observations.length === 0) {
    return { outcome: 'abstained', reason: 'Nothing ran in the sandbox.' };
  }
  return {
    outcome: 'score',
    probability: probabilityOf(observations),
    contentProbability: null,
    evidence: evidenceOf(observations),
  };
}

/** Log-odds against a base rate of one half; each family counts once, by its strongest. */
function probabilityOf(observations: readonly Observation[]): number {
  const strongest = new Map<string, number>();
  for (const { family, nats } of observations) {
    strongest.set(family, Math.max(nats, strongest.get(family) ?? 0));
  }
  let [common, severe, recognition] = [0, 0, 0];
  for (const [family, nats] of strongest) {
    if (family.startsWith(recognizedAs)) recognition = Math.max(recognition, nats);
    else if (nats < commonBelowNats) common += nats;
    else severe += nats;
  }
  const acts = Math.min(mostNatsOfBehaviour, severe + Math.min(mostNatsOfCommonActs, common));
  const nats = Math.min(mostNats, acts + recognition);
  return 1 / (1 + Math.exp(-nats));
}

function evidenceOf(observations: readonly Observation[]): ScoreEvidence[] {
  return observations
    .toSorted((a, b) => b.nats - a.nats)
    .slice(0, maximalEvidence)
    .map(({ evidence }) => evidence);
}

function recognitions({ detections, CAPE }: CapeReport): readonly Observation[] {
  const found: Observation[] = detections.map(({ family, by }) => ({
    family: recognizedAs + family,
    nats: Math.max(otherDetectionNats, ...by.map((how) => detectionNats[how] ?? otherDetectionNats)),
    evidence: recognized(
      'family',
      `The sandbox recognizes ${family} (${by.join(', ') || 'no source named'}).`,
    ),
  }));
  for (const families of CAPE.configs) {
    for (const family of families.slice(0, 4)) {
      const title = `The sandbox read the configuration of ${family} out of its memory.`;
      found.push({
        family: recognizedAs + family,
        nats: configurationNats,
        evidence: recognized('configuration', title),
      });
    }
  }
  const payloads = new Set(CAPE.payloads.flatMap(({ cape_yara: rules }) => rules.map(({ name }) => name)));
  for (const name of payloads) {
    if (harmlessPayloads.has(name)) continue;
    const title = `The sandbox recognizes ${name} in what the sample unpacked.`;
    found.push({ family: recognizedAs + name, nats: payloadNats, evidence: recognized('payload', title) });
  }
  return found;
}

function recognized(code: string, title: string): ScoreEvidence {
  return {
    code: `cape:${code}`,
    title: title.slice(0, 300).toWellFormed(),
    content: false,
    level: 'critical',
  };
}

function behaviour({ signatures, ttps }: CapeReport): readonly Observation[] {
  const techniques = new Map<string, string[]>();
  for (const { signature, ttps: listed } of ttps) {
    techniques.set(signature, [...(techniques.get(signature) ?? []), ...listed]);
  }
  return signatures.map((signature) => observe(signature, techniques.get(signature.name) ?? []));
}

function observe(signature: CapeSignature, listed: readonly string[]): Observation {
  const known = signatureWeights.find(({ pattern }) => pattern.test(signature.name));
  const nats = (known?.nats ?? unknownNats(signature)) * (signature.confidence / 100 > 0.4 ? 1 : 0.5);
  const techniques = techniquesOf(listed, known);
  const tactic = known?.tactic ?? tacticOf(signature);
  return {
    family: known?.pattern.source ?? 'unknown',
    nats,
    evidence: {
      code: `cape:${signature.name}`.slice(0, 64),
      title: (signature.description || signature.name).slice(0, 300).toWellFormed(),
      content: false,
      level: levelOf(nats),
      ...(tactic !== undefined && { tactic }),
      ...(techniques.length > 0 && { techniques }),
    },
  };
}

/** A signature that nobody weighed counts by CAPE's own severity, and all such together once. */
function unknownNats({ severity }: CapeSignature): number {
  return unknownSignatureNats[Math.round(severity)] ?? 0;
}

function techniquesOf(listed: readonly string[], known: SignatureWeight | undefined): string[] {
  const valid = listed.filter((technique) => /^T\d{4}(?:\.\d{3})?$/u.test(technique));
  return [...new Set(valid.length > 0 ? valid : (known?.techniques ?? []))].slice(0, 16);
}

/** CAPE's categories are its own words; those that are names of tactics are taken. */
function tacticOf({ categories }: CapeSignature): Tactic | undefined {
  const words = categories.map((category) => category.toLowerCase().replaceAll(/[ _]/gu, '-'));
  return tactics.find((tactic) => words.includes(tactic));
}

function levelOf(nats: number): NonNullable<ScoreEvidence['level']> {
  if (nats >= 2) return 'high';
  if (nats >= 1) return 'medium';
  return nats > 0.1 ? 'low' : 'informational';
}
