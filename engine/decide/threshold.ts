import type {
  ArtifactKind,
  Action,
  BlockLevel,
  Remediation,
  Severity,
  Verdict,
} from '../../contracts/domain.ts';
import type { Tactic } from '../../contracts/score.ts';
import type { DecisionConfig } from './config.ts';

export interface Threshold {
  readonly verdict: Verdict;
  /** The lowest block level that blocks on it. */
  readonly blockFrom: BlockLevel;
}

/** @param sum log-odds of malice in micro-nats */
export function threshold(sum: number, config: DecisionConfig): Threshold {
  if (sum >= config.blockMicronats) return { verdict: 'malicious', blockFrom: 'default' };
  if (sum >= config.moderateMicronats) return { verdict: 'suspicious', blockFrom: 'moderate' };
  if (sum >= config.highMicronats) return { verdict: 'suspicious', blockFrom: 'high' };
  if (sum >= config.highPlusMicronats) return { verdict: 'suspicious', blockFrom: 'high-plus' };
  return { verdict: 'no-threats-found', blockFrom: 'zero-tolerance' };
}

/** Files are taken into quarantine; what is only text is stopped. */
export function actionFor(
  verdict: Verdict,
  kind: ArtifactKind,
): { readonly action: Action; readonly remediation: readonly Remediation[] } {
  if (verdict === 'no-threats-found') return { action: 'allow', remediation: [] };
  if (kind === 'file') return { action: 'block-and-remediate', remediation: ['stop-process', 'quarantine'] };
  return {
    action: 'block',
    remediation: kind === 'script' || kind === 'command-line' ? ['stop-process'] : [],
  };
}

/** Defender's rule of thumb: credential theft, spreading and destruction are high, other post-breach behaviour medium, what is only suspected low. */
export function severityFor(verdict: Verdict, tactic: string | null): Severity {
  if (verdict === 'no-threats-found') return 'informational';
  if (verdict === 'suspicious') return 'low';
  const grave: readonly string[] = [
    'credential-access',
    'lateral-movement',
    'exfiltration',
    'impact',
  ] satisfies Tactic[];
  return tactic !== null && grave.includes(tactic) ? 'high' : 'medium';
}

/** Platform part of a CARO name: of a script the engine that runs it, where the classifier of that engine had its say. */
function platformOf(kind: ArtifactKind, classifiers: readonly string[]): string {
  if (kind !== 'script') return 'Win32';
  return classifiers.includes('script') ? 'PowerShell' : 'Script';
}

/**
 * CARO name: `Behavior:Win32/<Tactic>.A!ml` for what was done, `Trojan:Win32/<Tactic>.A!ml` for a file, `Trojan:PowerShell/…`
 * or `Trojan:Script/…` for a script. `Generic` without a tactic.
 * @param classifiers those that scored it
 */
export function threatNameFor(
  kind: ArtifactKind,
  tactic: string | null,
  classifiers: readonly string[] = [],
): string {
  const pascal =
    tactic === null
      ? 'Generic'
      : tactic
          .split('-')
          .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
          .join('');
  const type = kind === 'file' || kind === 'script' ? 'Trojan' : 'Behavior';
  return `${type}:${platformOf(kind, classifiers)}/${pascal}.A!ml`;
}
