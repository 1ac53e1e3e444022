import type { ClassifierProfile } from '../contracts/classifier-profile.ts';
import { createBehaviorClassifier } from './behavior/classifier.ts';
import { readCanaries } from './canaries.ts';
import type { Classifier } from './classifier.ts';
import { createMetadataClassifier } from './metadata/classifier.ts';
import { createNetworkClassifier, NetworkClassifier } from './network/classifier.ts';
import { readModelManifest } from './model-manifest.ts';
import { openOrAbsent, openVersion, type MakeClassifier, type OpenedVersion } from './model-version.ts';
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
  /** The same with their golden reports. */
  readonly versions: readonly OpenedVersion[];
  /** Among them, for what they read and rejected. */
  readonly rules: RulesClassifier;
  /** Null where its model was refused. */
  readonly network: NetworkClassifier | null;
  /**
   * Opens another version of one of them, from a folder of the same layout.
   * @throws Error that says why it cannot stand in for the one that comes with the service
   */
  openChallenger(folder: URL): Promise<OpenedVersion>;
}

/** Every classifier of the service, ready to score; one whose model is missing or altered fails on everything. */
export async function loadClassifiers({
  openModel,
  ruleFolders,
  simulatedRuleFolders,
  reputationFolders = [],
}: RegistryOptions): Promise<Registry> {
  // Those that have a model, and so may have several versions.
  const makers: Readonly<Record<string, MakeClassifier>> = {
    metadata: createMetadataClassifier,
    behavior: createBehaviorClassifier,
    script: createScriptClassifier,
    network: (open, folder) => createNetworkClassifier(open, { reputationFolders }, folder),
  };
  const [rules, ruleCanaries, ...modelled] = await Promise.all([
    createRulesClassifier({ ruleFolders, simulatedRuleFolders }),
    readCanaries(new URL('./rules/', import.meta.url)),
    ...Object.entries(makers).map(([id, make]) =>
      openOrAbsent(make, openModel, new URL(`./${id}/`, import.meta.url)),
    ),
  ]);
  const ownVersion = { classifier: rules, canaries: ruleCanaries, digest: '', reference: null };
  const versions = [...modelled, ownVersion];
  const classifiers = versions.map(({ classifier }) => classifier);
  return {
    ...{ classifiers, versions, rules },
    network: classifiers.find((one) => one instanceof NetworkClassifier) ?? null,
    openChallenger: async (folder) => {
      const { id } = await readModelManifest(new URL('manifest.json', folder));
      const shipped = classifiers.find(({ profile }) => profile.id === id);
      const make = makers[id];
      if (make === undefined || shipped === undefined)
        throw new Error(`no classifier “${id}” has versions; these have: ${Object.keys(makers).join(', ')}`);
      const opened = await openVersion(make, openModel, folder);
      const difference = differenceOf(opened.classifier.profile, shipped.profile);
      if (difference === null) return opened;
      await opened.classifier.close();
      throw new Error(difference);
    },
  };
}

/** Whoever joins and weighs answers knows the classifier by the manifest that comes with the service. */
function differenceOf(challenger: ClassifierProfile, shipped: ClassifierProfile): string | null {
  if (challenger.version === shipped.version)
    return `it calls itself ${challenger.version}, as the version that comes with the service: raise "version" in its manifest`;
  const fields = ['tier', 'accepts', 'baseRate', 'supportsOnly'] as const;
  const field = fields.find((name) => JSON.stringify(challenger[name]) !== JSON.stringify(shipped[name]));
  return field === undefined ? null : `its "${field}" differs from that of version ${shipped.version}`;
}
