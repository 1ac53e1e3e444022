import { createBehaviorClassifier } from './behavior/classifier.ts';
import type { Classifier } from './classifier.ts';
import { createMetadataClassifier } from './metadata/classifier.ts';
import { createNetworkClassifier, type NetworkClassifier } from './network/classifier.ts';
import { createRulesClassifier, type RulesClassifier } from './rules/classifier.ts';
import type { OpenModel } from './scoring-model.ts';
import { createScriptClassifier } from './script/classifier.ts';

export interface RegistryOptions {
  readonly openModel: OpenModel;
  /** Folders of the operator's own Sigma rules. */
  readonly ruleFolders: readonly string[];
  /** Folders of Sigma rules that are tried. */
  readonly simulatedRuleFolders: readonly string[];
  /** Folders of the operator's own reputation lists. */
  readonly reputationFolders?: readonly string[];
}

export interface Registry {
  /** All of them, in the order in which decision records name them. */
  readonly classifiers: readonly Classifier[];
  /** Among them, for what they read and rejected. */
  readonly rules: RulesClassifier;
  readonly network: NetworkClassifier;
}

/**
 * Every classifier of the service, ready to score.
 * @throws FB_MODEL_MISSING, FB_MODEL_ALTERED
 */
export async function loadClassifiers({
  openModel,
  ruleFolders,
  simulatedRuleFolders,
  reputationFolders = [],
}: RegistryOptions): Promise<Registry> {
  const [metadata, behavior, script, network, rules] = await Promise.all([
    createMetadataClassifier(openModel),
    createBehaviorClassifier(openModel),
    createScriptClassifier(openModel),
    createNetworkClassifier(openModel, { reputationFolders }),
    createRulesClassifier({ ruleFolders, simulatedRuleFolders }),
  ]);
  return { classifiers: [metadata, behavior, script, network, rules], rules, network };
}
