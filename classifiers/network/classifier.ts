import { isIP } from 'node:net';
import { sha256Hex } from '../../contracts/canonical.ts';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { ScoreEvidence } from '../../contracts/score.ts';
import { calibrate, type Calibration } from '../calibration.ts';
import type { Classifier, ClassifierInput, ClassifierOutcome } from '../classifier.ts';
import { openModelOf } from '../model-manifest.ts';
import type { OpenModel, ScoringModel } from '../scoring-model.ts';
import { isSpecialAddress } from './address.ts';
import { destinationOf, type Destination } from './destination.ts';
import { extractFeatures, FEATURE_SCHEMA_VERSION, SHAPE, type NameFeatures } from './features.ts';
import type { JudgedName } from './host-name.ts';
import { findHost, findUrl, ListFolders, listsInForce, type ListHit, type LoadedLists } from './lists.ts';
import type { ReputationList } from './parse-list.ts';
import { mostUrlLogOdds, urlTells } from './url-tells.ts';

export interface NetworkOptions {
  /** Folders of the operator's own reputation lists. */
  readonly reputationFolders?: readonly string[];
  /** Epoch milliseconds; lists expire by it. */
  readonly now?: () => number;
}

/** What is listed is as good as beyond doubt, as far as a name or an address can be. */
const listedProbability = 0.99;
const specialAddress = 'The address is a special one: no public host has it.';
const unreadable = 'The report names no domain, address or URL.';

/**
 * Domains, addresses and URLs as a witness: the shape of names, and reputation lists. It supports what others say and never
 * blocks alone (`supportsOnly`): the same shape is worn by harmless names, and lists name what strangers share.
 */
export class NetworkClassifier implements Classifier {
  readonly #profile: ClassifierProfile;
  readonly #model: ScoringModel;
  readonly #calibration: Calibration;
  readonly #folders: ListFolders;
  readonly #now: () => number;
  #loaded: LoadedLists = { lists: [], rejected: [], digest: '' };

  constructor(
    profile: ClassifierProfile,
    model: ScoringModel,
    calibration: Calibration,
    { reputationFolders = [], now = Date.now }: NetworkOptions = {},
  ) {
    if (profile.featureSchemaVersion !== FEATURE_SCHEMA_VERSION) {
      throw new TypeError(
        `The network model reads feature schema ${profile.featureSchemaVersion}, this is ${FEATURE_SCHEMA_VERSION}`,
      );
    }
    this.#profile = profile;
    this.#model = model;
    this.#calibration = calibration;
    this.#folders = new ListFolders(reputationFolders);
    this.#now = now;
  }

  get profile(): ClassifierProfile {
    const { lists, digest } = this.#loaded;
    const { version } = this.#profile;
    return lists.length === 0
      ? this.#profile
      : { ...this.#profile, version: `${version}+${digest.slice(0, 12)}` };
  }

  /** What was read: lists, and each rejected line with file and reason. */
  get loaded(): LoadedLists {
    return this.#loaded;
  }

  /**
   * Reads the folders of lists again and answers by what they hold from then on.
   * @returns whether anything changed
   * @throws FB_CONFIG_INVALID where a folder cannot be read; the lists stay as they were
   */
  async reload(): Promise<boolean> {
    const loaded = await this.#folders.load();
    const changed = loaded.digest !== this.#loaded.digest;
    this.#loaded = loaded;
    return changed;
  }

  cacheKey({ report, evidence }: ClassifierInput): string {
    const inForce = listsInForce(this.#loaded, this.#now()).map(({ file }) => file);
    const { kind, value } = report.artifact;
    return sha256Hex(JSON.stringify([this.#loaded.digest, inForce, evidence, kind, value]));
  }

  async score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    const lists = listsInForce(this.#loaded, this.#now());
    const read = inputs.map(({ report }) => destinationOf(report.artifact));
    const shapes = await this.#shapes(read.flatMap((destination) => destination?.name ?? []));
    let next = 0;
    return read.map((destination, index): ClassifierOutcome => {
      if (destination === undefined) return { outcome: 'abstained', reason: unreadable };
      const shape = destination.name === undefined ? undefined : shapes[next++];
      return this.#outcome(destination, shape, lists, inputs[index]?.evidence === 'content');
    });
  }

  close(): Promise<void> {
    return this.#model.release();
  }

  /** @param shape log-odds by the shape of the name, undefined where it says nothing */
  #outcome(
    { kind, value, host, name, silence }: Destination,
    shape: number | undefined,
    lists: readonly ReputationList[],
    vouched: boolean,
  ): ClassifierOutcome {
    const isSpecial = isIP(host) !== 0 && isSpecialAddress(host);
    const hit = isSpecial
      ? undefined
      : ((kind === 'url' ? findUrl(lists, value) : undefined) ?? findHost(lists, host));
    const told = kind === 'url' && !isSpecial ? urlTells(value) : [];
    if (hit === undefined && shape === undefined && told.length === 0)
      return { outcome: 'abstained', reason: isSpecial ? specialAddress : silence };
    const added = Math.min(
      mostUrlLogOdds,
      told.reduce((sum, { logOdds }) => sum + logOdds, 0),
    );
    const bySigns = calibrate((shape ?? 0) + added, { slope: 1, intercept: 0 });
    const probability =
      hit === undefined ? bySigns : Math.max(bySigns, listedProbability, this.#profile.threshold);
    const isShaped = shape !== undefined && name !== undefined && bySigns >= this.#profile.threshold;
    return {
      outcome: 'score',
      probability,
      contentProbability: vouched ? probability : null,
      ...(hit === undefined && shape === undefined && { capped: true }),
      evidence: [
        ...(hit === undefined ? [] : [listed(hit, vouched)]),
        ...(isShaped ? [shaped(name, vouched)] : []),
        ...told.map(({ code, title }) => ({ code, title, content: vouched })),
      ],
    };
  }

  /** Calibrated log-odds of each name. */
  async #shapes(names: readonly JudgedName[]): Promise<readonly number[]> {
    if (names.length === 0) return [];
    const { slope, intercept } = this.#calibration;
    const scores = await this.#model.run(modelInputs(names.map(extractFeatures)));
    return Array.from(scores, (score) => slope * score + intercept);
  }
}

/** The batch as tensors: runs of three symbols padded with row 0, how many there are of each name, and its shape. */
function modelInputs(items: readonly NameFeatures[]): Parameters<ScoringModel['run']>[0] {
  const most = Math.max(...items.map(({ trigrams }) => trigrams.length));
  const rows = new Int32Array(items.length * most);
  const lengths = new Float32Array(items.length);
  const shape = new Float32Array(items.length * SHAPE.length);
  items.forEach((item, index) => {
    rows.set(item.trigrams, index * most);
    lengths[index] = item.trigrams.length;
    shape.set(item.shape, index * SHAPE.length);
  });
  return {
    rows: { values: rows, shape: [items.length, most] },
    lengths: { values: lengths, shape: [items.length, 1] },
    shape: { values: shape, shape: [items.length, SHAPE.length] },
  };
}

function listed({ list, entry }: ListHit, content: boolean): ScoreEvidence {
  const { source, date } = list;
  return { code: 'listed', title: `Listed as ${entry} by ${source} on ${date}`.slice(0, 300), content };
}

function shaped({ label, suffix }: JudgedName, content: boolean): ScoreEvidence {
  const title = `The name ${label}.${suffix} has the shape of names that programs compute`;
  return { code: 'computed-name', title: title.slice(0, 300), content };
}

/**
 * Opens the model of a folder, the one beside this file unless told otherwise, and reads the lists. Lines that cannot be
 * used are in `loaded.rejected` and stop nothing.
 * @throws FirebreakError FB_MODEL_MISSING, FB_MODEL_ALTERED; FB_CONFIG_INVALID where a folder cannot be read
 */
export async function createNetworkClassifier(
  openModel: OpenModel,
  options: NetworkOptions = {},
  folder: URL = new URL('./', import.meta.url),
): Promise<NetworkClassifier> {
  const { profile, model, calibration } = await openModelOf(folder, openModel, ['full']);
  const classifier = new NetworkClassifier(profile, model, calibration.full, options);
  await classifier.reload();
  return classifier;
}
