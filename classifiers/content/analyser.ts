import { fileURLToPath } from 'node:url';
import { isSharedArrayBuffer } from 'node:util/types';
import { classifierProfileSchema, type ClassifierProfile } from '../../contracts/classifier-profile.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import type { Classifier, ClassifierOutcome } from '../classifier.ts';
import { FolderFiles, type FolderFile } from '../folder-files.ts';
import { readManifest, type RulesManifest } from '../rules/manifest.ts';
import { toOutcome } from './combine.ts';
import type { Finding } from './finding.ts';
import { modelFindings } from './model-findings.ts';
import { WorkerPool } from './worker-pool.ts';
import type { WorkerAnswer, WorkerRequest } from './worker-protocol.ts';
import type { LoadedYaraRules } from './yara/load-rules.ts';
import { ruleFiles } from './yara/rule-files.ts';

export interface ContentAnalyserOptions {
  /** Threads; each keeps the compiled rules. */
  readonly workers: number;
  /** How long one sample may take. */
  readonly timeoutMs: number;
  /** Heap of one thread; no larger sample is analysed. */
  readonly memoryMb: number;
  /** Folders with YARA rules of the operator's own, read beside those that come with the service. */
  readonly ruleFolders: readonly string[];
  /** Judges Windows executables by the facts that were extracted here, which makes them content. */
  readonly metadata?: Pick<Classifier, 'profile' | 'score'>;
}

/** What was read of the rules: counts, and each rejected rule with file, line and reason. */
export type YaraRulesInForce = Omit<LoadedYaraRules, 'sources'>;

/** Judges the bytes of submitted samples, apart from the thread that asks, within bounds of time and memory. */
export interface ContentAnalyser {
  /** As the manifest says; the version names what it goes by now. */
  readonly profile: ClassifierProfile;
  /**
   * @param bytes handed over: where they fill a buffer of their own, it is transferred and empty afterwards; shared memory
   *   is shared, anything else copied
   * @param hints what the sender says of the bytes, which may be wrong: what follows from it is not content
   * @returns `failed` where the sample took too long or too much memory; never rejects
   */
  analyse(bytes: Uint8Array, hints: { readonly name: string | null }): Promise<ClassifierOutcome>;
  close(): Promise<void>;
}

/** One that goes by rules, which can change while it runs. */
export interface RuleContentAnalyser extends ContentAnalyser {
  readonly loaded: YaraRulesInForce;
  /**
   * Reads the rule folders again; samples that are analysed meanwhile go by the rules before.
   * @returns whether anything changed
   * @throws FB_CONFIG_INVALID where a folder cannot be read; the rules stay as they were
   */
  reload(): Promise<boolean>;
}

const ownRules = fileURLToPath(new URL('./rules/', import.meta.url));
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
const loadMs = 60_000;
const mostWaiting = 256;
const mebibyte = 1024 * 1024;

type Pool = WorkerPool<WorkerRequest, WorkerAnswer>;

interface Opened {
  readonly manifest: RulesManifest;
  readonly pool: Pool;
  readonly files: FolderFiles<null>;
  /** As they were before the rules were loaded. */
  readonly read: readonly FolderFile<null>[];
  readonly loaded: LoadedYaraRules;
}

class ThreadedContentAnalyser implements RuleContentAnalyser {
  readonly #options: ContentAnalyserOptions;
  readonly #manifest: RulesManifest;
  readonly #pool: Pool;
  /** Tells whether there is anything to read again: compiling all rules costs a quarter of a second. */
  readonly #files: FolderFiles<null>;
  #read: readonly FolderFile<null>[];
  #loaded: LoadedYaraRules;

  constructor(options: ContentAnalyserOptions, { manifest, pool, files, read, loaded }: Opened) {
    this.#options = options;
    this.#manifest = manifest;
    this.#pool = pool;
    this.#files = files;
    this.#read = read;
    this.#loaded = loaded;
    pool.prepare({ kind: 'use', sources: loaded.sources });
  }

  get profile(): ClassifierProfile {
    return {
      ...classifierProfileSchema.parse(this.#manifest),
      version: `${this.#manifest.version}+${this.#loaded.digest.slice(0, 12)}`,
    };
  }

  get loaded(): YaraRulesInForce {
    return this.#loaded;
  }

  async analyse(bytes: Uint8Array, { name }: { readonly name: string | null }): Promise<ClassifierOutcome> {
    const { memoryMb, metadata } = this.#options;
    if (bytes.length === 0) return { outcome: 'abstained', reason: 'The sample is empty.' };
    if (bytes.length > memoryMb * mebibyte) {
      return { outcome: 'abstained', reason: `The sample is larger than ${memoryMb} MB.` };
    }
    const result = await this.#pool.run({ kind: 'examine', bytes, name }, transferable(bytes));
    if (result.outcome === 'failed') return result;
    const { answer } = result;
    if (answer.kind === 'failed') return { outcome: 'failed', reason: answer.reason.slice(0, 300) };
    if (answer.kind !== 'examined') return { outcome: 'failed', reason: 'The analysis gave another answer.' };
    const { findings, facts } = answer.examination;
    const byModel: readonly Finding[] =
      facts === undefined || metadata === undefined ? [] : await modelFindings(facts, metadata);
    return toOutcome([...findings, ...byModel], this.#manifest.probabilities);
  }

  async reload(): Promise<boolean> {
    const files = await this.#files.load();
    if (files === this.#read) return false;
    const loaded = await load(this.#pool, this.#options.ruleFolders);
    this.#read = files;
    if (loaded.digest === this.#loaded.digest) return false;
    this.#loaded = loaded;
    this.#pool.prepare({ kind: 'use', sources: loaded.sources });
    return true;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** A buffer that holds more than the sample may be somebody else's, as that of small Node buffers is. */
function transferable({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return isSharedArrayBuffer(buffer) || buffer.byteLength !== byteLength ? [] : [buffer];
}

async function load(pool: Pool, folders: readonly string[]): Promise<LoadedYaraRules> {
  const result = await pool.run({ kind: 'load', folders: [ownRules, ...folders] }, [], loadMs);
  const answer = result.outcome === 'answer' ? result.answer : undefined;
  if (answer?.kind === 'loaded') return answer.loaded;
  const reason = answer?.kind === 'failed' ? answer.reason : result.outcome === 'failed' ? result.reason : '';
  throw new FirebreakError(
    'FB_CONFIG_INVALID',
    answer?.kind === 'failed' && answer.isConfiguration
      ? reason
      : `The analysis of samples cannot start: ${reason} It needs the package @litko/yara-x built for this platform.`,
  );
}

/**
 * Starts the threads and compiles the rules. Rules that cannot be used are in `loaded.rejected` and stop nothing.
 * @throws FB_CONFIG_INVALID where a folder cannot be read or the engine cannot be loaded
 */
export async function createContentAnalyser(options: ContentAnalyserOptions): Promise<RuleContentAnalyser> {
  const manifest = await readManifest(new URL('./manifest.json', import.meta.url));
  const { workers, timeoutMs, memoryMb } = options;
  const preparation: WorkerRequest = { kind: 'use', sources: [] };
  const pool: Pool = new WorkerPool({
    url: workerUrl,
    preparation,
    workers,
    timeoutMs,
    memoryMb,
    mostWaiting,
  });
  try {
    const files = new FolderFiles({
      folders: [ownRules, ...options.ruleFolders],
      ...ruleFiles,
      parse: () => null,
      tooLarge: () => null,
    });
    const read = await files.load();
    const loaded = await load(pool, options.ruleFolders);
    return new ThreadedContentAnalyser(options, { manifest, pool, files, read, loaded });
  } catch (error) {
    await pool.close();
    throw error;
  }
}
