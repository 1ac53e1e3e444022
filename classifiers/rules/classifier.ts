import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { classifierProfileSchema, type ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { ScoreEvidence } from '../../contracts/score.ts';
import type { Classifier, ClassifierInput, ClassifierOutcome } from '../classifier.ts';
import { extractRuleFeatures } from './features.ts';
import type { LoadedRules } from './load-rules.ts';
import { loadRules } from './load-rules.ts';
import type { RulesManifest } from './manifest.ts';
import { readManifest } from './manifest.ts';
import { probabilityOf } from './probability.ts';
import { toEvidence } from './rule-evidence.ts';
import type { Placeholders } from './sigma/detection-item.ts';
import type { SigmaEvent } from './sigma/event.ts';
import { RuleSet } from './sigma/rule-set.ts';
import type { SigmaRule } from './sigma/rule.ts';
import { ruleLevels } from './sigma/rule.ts';

export interface RulesOptions {
  /** Folders with rules of the operator's own, read beside the rules that come with the service. */
  readonly ruleFolders?: readonly string[];
  /** Lists for the `expand` modifier of those rules. */
  readonly placeholders?: Placeholders;
}

const ownRules = fileURLToPath(new URL('./rules/', import.meta.url));

/** Characters of events after which the event loop gets its turn: a few milliseconds with three thousand rules. */
const charactersPerTurn = 16_384;
const maximalEvidence = 64;

/**
 * Sigma rules as a witness. A rule that fires on the artifact's own text, whatever the rest of the report says, is
 * content evidence; one that needs the rest is testimony.
 */
export class RulesClassifier implements Classifier {
  readonly profile: ClassifierProfile;
  /** What was read at start: counts, and each rejected rule with file, line and reason. */
  readonly loaded: LoadedRules;
  readonly #manifest: RulesManifest;
  readonly #rules: RuleSet;

  constructor(manifest: RulesManifest, loaded: LoadedRules) {
    this.#manifest = manifest;
    this.loaded = loaded;
    this.#rules = RuleSet.of(loaded.rules);
    this.profile = {
      ...classifierProfileSchema.parse(manifest),
      version: `${manifest.version}+${loaded.digest.slice(0, 12)}`,
    };
  }

  cacheKey({ report, evidence }: ClassifierInput): string {
    const { content, observed } = extractRuleFeatures(report);
    return hash(
      'sha256',
      JSON.stringify([evidence, content.map(({ event }) => event), observed]),
      'base64url',
    );
  }

  async score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    const outcomes: ClassifierOutcome[] = [];
    const turn = { characters: 0 };
    for (const input of inputs) outcomes.push(await this.#judge(input, turn));
    return outcomes;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #judge(
    { report, evidence }: ClassifierInput,
    turn: { characters: number },
  ): Promise<ClassifierOutcome> {
    const { content, observed } = extractRuleFeatures(report);
    const vouched = evidence === 'content' ? content : [];
    if (observed.length === 0) {
      return { outcome: 'abstained', reason: 'The report tells nothing that a rule could read.' };
    }
    const byContent = new Set(vouched.flatMap(({ event, settled }) => this.#rules.match(event, settled)));
    const matched = new Set(byContent);
    for (const event of observed) {
      for (const rule of this.#rules.match(event)) matched.add(rule);
      turn.characters += sizeOf(event);
      if (turn.characters < charactersPerTurn) continue;
      turn.characters = 0;
      await setImmediate();
    }
    return {
      outcome: 'score',
      probability: probabilityOf(matched, this.#manifest.probabilities),
      contentProbability:
        vouched.length === 0 ? null : probabilityOf(byContent, this.#manifest.probabilities),
      evidence: toFindings(matched, byContent),
    };
  }
}

function sizeOf(event: SigmaEvent): number {
  let characters = 0;
  for (const name in event.fields) characters += String(event.fields[name]).length;
  return characters;
}

/** The strongest findings first. */
function toFindings(
  matched: ReadonlySet<SigmaRule>,
  byContent: ReadonlySet<SigmaRule>,
): readonly ScoreEvidence[] {
  return [...matched]
    .sort((a, b) => ruleLevels.indexOf(b.level) - ruleLevels.indexOf(a.level))
    .slice(0, maximalEvidence)
    .map((rule) => toEvidence(rule, byContent.has(rule)));
}

/**
 * Loads the rules that come with the service and those of the given folders. Rules that cannot be used are in
 * `loaded.rejected` and stop nothing; a folder that cannot be read rejects.
 */
export async function createRulesClassifier(options: RulesOptions = {}): Promise<RulesClassifier> {
  const loaded = await loadRules([ownRules, ...(options.ruleFolders ?? [])], {
    placeholders: options.placeholders ?? {},
  });
  return new RulesClassifier(await readManifest(), loaded);
}
