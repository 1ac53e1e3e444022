import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { classifierProfileSchema, type ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Classifier, ClassifierInput, ClassifierOutcome } from '../classifier.ts';
import { extractRuleFeatures } from './features.ts';
import { inTurns } from '../in-turns.ts';
import type { LoadedRules, RuleFolders } from './load-rules.ts';
import { ruleFolders } from './load-rules.ts';
import type { RulesManifest } from './manifest.ts';
import { readManifest } from './manifest.ts';
import { probabilityOf } from './probability.ts';
import { toEvidence } from './rule-evidence.ts';
import { correlate, type SeenEvent } from './sigma/correlate.ts';
import type { Placeholders } from './sigma/detection-item.ts';
import type { SigmaEvent } from './sigma/event.ts';
import { RuleSet } from './sigma/rule-set.ts';
import type { RuleHead, SigmaRule } from './sigma/rule.ts';
import { ruleLevels } from './sigma/rule.ts';

export interface RulesOptions {
  /** Folders with rules of the operator's own, read beside the rules that come with the service. */
  readonly ruleFolders?: readonly string[];
  /** Folders with rules that are tried: told in the evidence, adding nothing. */
  readonly simulatedRuleFolders?: readonly string[];
  /** Lists for the `expand` modifier of those rules. */
  readonly placeholders?: Placeholders;
}

const ownRules = fileURLToPath(new URL('./rules/', import.meta.url));

/** Characters of events after which the event loop gets its turn: a few milliseconds with three thousand rules. */
const charactersPerTurn = 65_536;
const maximalEvidence = 64;

/** All events of a report come from one device. */
const deviceFields: ReadonlySet<string> = new Set([
  'Computer',
  'ComputerName',
  'Hostname',
  'HostName',
  'host.name',
  'host.hostname',
  'host.id',
]);

/** What answers are made of; replaced as a whole when rules are read again. */
interface Compiled {
  readonly loaded: LoadedRules;
  readonly rules: RuleSet;
  readonly profile: ClassifierProfile;
}

/**
 * Sigma rules as a witness. A rule that fires on the artifact's own text, whatever the rest of the report says, is
 * content evidence; one that needs the rest is testimony, and so is what rules find in several events together.
 */
export class RulesClassifier implements Classifier {
  readonly #manifest: RulesManifest;
  readonly #folders: RuleFolders | undefined;
  #compiled: Compiled;

  private constructor(manifest: RulesManifest, compiled: Compiled, folders: RuleFolders | undefined) {
    this.#manifest = manifest;
    this.#folders = folders;
    this.#compiled = compiled;
  }

  /** @param folders where the rules came from, for reading them again */
  static async of(
    manifest: RulesManifest,
    loaded: LoadedRules,
    folders?: RuleFolders,
  ): Promise<RulesClassifier> {
    return new RulesClassifier(manifest, await compiled(manifest, loaded), folders);
  }

  get profile(): ClassifierProfile {
    return this.#compiled.profile;
  }

  /** What was read: counts, and each rejected rule with file, line and reason. */
  get loaded(): LoadedRules {
    return this.#compiled.loaded;
  }

  /**
   * Reads the folders again and answers by what they hold from then on; the event loop goes on meanwhile.
   * @returns whether anything changed
   * @throws FB_CONFIG_INVALID where a folder cannot be read; the rules stay as they were
   */
  async reload(): Promise<boolean> {
    const loaded = await this.#folders?.load();
    if (loaded === undefined || loaded.digest === this.loaded.digest) return false;
    this.#compiled = await compiled(this.#manifest, loaded);
    return true;
  }

  cacheKey({ report, evidence }: ClassifierInput): string {
    const { content, observed, timesMs, byAncestors } = extractRuleFeatures(report);
    const { correlations, digest } = this.loaded;
    const [startMs = 0] = timesMs;
    const times = correlations.length === 0 ? [] : timesMs.map((timeMs) => timeMs - startMs);
    const above = observed.map((event) => Number(byAncestors.has(event))).join('');
    const seen = [digest, evidence, content.map(({ event }) => event), observed, above, times];
    return hash('sha256', JSON.stringify(seen), 'base64url');
  }

  async score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    const outcomes: ClassifierOutcome[] = [];
    const turn = { characters: 0 };
    const compiled = this.#compiled;
    for (const input of inputs) outcomes.push(await this.#judge(input, compiled, turn));
    return outcomes;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #judge(
    { report, evidence }: ClassifierInput,
    { rules, loaded }: Compiled,
    turn: { characters: number },
  ): Promise<ClassifierOutcome> {
    const { content, observed, timesMs, byAncestors } = extractRuleFeatures(report);
    const vouched = evidence === 'content' ? content : [];
    if (observed.length === 0) {
      return { outcome: 'abstained', reason: 'The report tells nothing that a rule could read.' };
    }
    const byContent = vouched.flatMap(({ event, settled }) => rules.match(event, settled));
    const found = new Set<SigmaRule>(byContent);
    const seen: SeenEvent[] = [];
    for (const [index, event] of observed.entries()) {
      const fired = rules.match(event);
      // What started a harmless program is condemned in its own report; together with others it may still count.
      if (!byAncestors.has(event)) for (const rule of fired) found.add(rule);
      if (fired.length > 0)
        seen.push({ timeMs: timesMs[index] ?? 0, fields: event.fields, fired: fired.map(({ id }) => id) });
      turn.characters += sizeOf(event);
      if (turn.characters < charactersPerTurn) continue;
      turn.characters = 0;
      await setImmediate();
    }
    const together = correlate(loaded.correlations, seen, deviceFields).map(({ rule }) => rule);
    return this.#toOutcome({
      all: [...found, ...new Set(together)].filter(({ reported }) => reported),
      byContent: new Set<RuleHead>(byContent.filter(({ reported }) => reported)),
      hasContent: vouched.length > 0,
      simulated: loaded.simulated,
    });
  }

  #toOutcome({ all, byContent, hasContent, simulated }: Findings): ClassifierOutcome {
    const { probabilities } = this.#manifest;
    const counted = all.filter(({ id }) => !simulated.has(id));
    const tried = all.filter(({ id }) => simulated.has(id));
    const certain = counted.filter((rule) => byContent.has(rule));
    return {
      outcome: 'score',
      probability: probabilityOf(counted, probabilities),
      contentProbability: hasContent ? probabilityOf(certain, probabilities) : null,
      evidence: [
        ...strongestFirst(counted).map((rule) => toEvidence(rule, byContent.has(rule))),
        ...strongestFirst(tried).map((rule) => ({
          ...toEvidence(rule, byContent.has(rule)),
          simulated: true,
        })),
      ].slice(0, maximalEvidence),
    };
  }
}

interface Findings {
  readonly all: readonly RuleHead[];
  readonly byContent: ReadonlySet<RuleHead>;
  /** Whether there was content to look at. */
  readonly hasContent: boolean;
  readonly simulated: ReadonlySet<string>;
}

async function compiled(manifest: RulesManifest, loaded: LoadedRules): Promise<Compiled> {
  const rules = await inTurns(RuleSet.build(loaded.rules));
  return { loaded, rules, profile: profileOf(manifest, loaded) };
}

function profileOf(manifest: RulesManifest, loaded: LoadedRules): ClassifierProfile {
  return {
    ...classifierProfileSchema.parse(manifest),
    version: `${manifest.version}+${loaded.digest.slice(0, 12)}`,
  };
}

function sizeOf(event: SigmaEvent): number {
  let characters = 0;
  for (const name in event.fields) characters += String(event.fields[name]).length;
  return characters;
}

function strongestFirst(rules: readonly RuleHead[]): readonly RuleHead[] {
  return rules.toSorted((a, b) => ruleLevels.indexOf(b.level) - ruleLevels.indexOf(a.level));
}

/**
 * Loads the rules that come with the service and those of the given folders. Rules that cannot be used are in
 * `loaded.rejected` and stop nothing; a folder that cannot be read rejects.
 */
export async function createRulesClassifier(options: RulesOptions = {}): Promise<RulesClassifier> {
  const folders = ruleFolders([ownRules, ...(options.ruleFolders ?? [])], {
    placeholders: options.placeholders ?? {},
    simulated: options.simulatedRuleFolders ?? [],
  });
  return RulesClassifier.of(await readManifest(), await folders.load(), folders);
}
