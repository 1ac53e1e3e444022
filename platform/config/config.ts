import { z } from 'zod';
import { FirebreakError, type FieldError } from '../../contracts/errors.ts';
import {
  checkLimits,
  defaultLimits,
  limitDefinitions,
  type LimitName,
  type Limits,
} from '../../contracts/limits.ts';
import { fileKeyOf, readSecretFiles, secretKeys, type Environment } from './secret-files.ts';
import { settings, wholeNumber } from './settings.ts';

type SettingName = keyof typeof settings;

/** Limits that stand in the wire contract: a larger value would promise what the schemas refuse. */
const ceilings: readonly LimitName[] = ['reportsPerBatch', 'lookupsPerRequest', 'eventsPerReport', 'waitMs'];

/** The agent's own program reads these; one shell may hold both. */
const agentPrefix = 'FIREBREAK_AGENT_';

export type LogLevel = Settings['FIREBREAK_LOG_LEVEL'];

export interface Config {
  readonly httpHost: string;
  readonly httpPort: number;
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  readonly operatorToken: string | null;
  readonly metricsToken: string | null;
  readonly ruleDirs: readonly string[];
  readonly simulatedRuleDirs: readonly string[];
  readonly sampleRuleDirs: readonly string[];
  /** As `FIREBREAK_SAMPLE_KEYS` has them. */
  readonly sampleKeys: string | null;
  readonly reputationDirs: readonly string[];
  readonly challengerDirs: readonly string[];
  readonly drainMs: number;
  /** Null in the embedded profile. */
  readonly cluster: ClusterConfig | null;
  readonly limits: Limits;
}

/** What the cluster profile stands on. */
export interface ClusterConfig {
  readonly kafka: {
    readonly brokers: readonly string[];
    readonly partitions: number;
    readonly replicas: number;
    readonly tls: boolean;
    readonly sasl: {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    } | null;
  };
  readonly redisUrl: string;
  readonly postgresUrl: string;
  readonly postgresTls: boolean;
  /** Of authorities that all three may have their certificates from. */
  readonly caFile: string | null;
}

/** One environment variable, as docs/reference/configuration.md tells it. */
export interface ConfigKey {
  readonly key: string;
  /** As one would write it; null where there is none. */
  readonly fallback: string | null;
  readonly says: string;
}

/** Every environment variable that the service reads. */
export const configKeys: readonly ConfigKey[] = [
  ...Object.entries(settings).map(([key, { fallback, says }]) => ({ key, fallback, says })),
  ...secretKeys.map((key) => ({
    key: fileKeyOf(key),
    fallback: null,
    says: `File that holds ${key}, instead of the variable itself; blanks and line breaks around the value are cut off.`,
  })),
  ...Object.values(limitDefinitions).map(({ key, value, why }) => ({
    key,
    fallback: String(value),
    says: why,
  })),
];

/**
 * Reads the configuration, once at start, with the files that hold secrets. An empty variable counts as absent.
 * @throws FirebreakError FB_CONFIG_INVALID that names every mistake at once, each with what to do
 */
export function readConfig(variables: Environment): Config {
  const mistakes: FieldError[] = unknownKeys(variables);
  const environment = readSecretFiles(variables, mistakes);
  const values = readSettings(environment, mistakes);
  const limits = readLimits(environment, mistakes);
  const cluster = values?.FIREBREAK_PROFILE === 'cluster' ? readCluster(values, mistakes) : null;
  if (mistakes.length > 0 || values === null) throw invalid(mistakes);
  return {
    httpHost: values.FIREBREAK_HTTP_HOST,
    httpPort: values.FIREBREAK_HTTP_PORT,
    dataDir: values.FIREBREAK_DATA_DIR,
    logLevel: values.FIREBREAK_LOG_LEVEL,
    operatorToken: values.FIREBREAK_OPERATOR_TOKEN,
    metricsToken: values.FIREBREAK_METRICS_TOKEN,
    ruleDirs: values.FIREBREAK_RULE_DIRS ?? [],
    simulatedRuleDirs: values.FIREBREAK_SIMULATED_RULE_DIRS ?? [],
    sampleRuleDirs: values.FIREBREAK_SAMPLE_RULE_DIRS ?? [],
    sampleKeys: values.FIREBREAK_SAMPLE_KEYS,
    reputationDirs: values.FIREBREAK_REPUTATION_DIRS ?? [],
    challengerDirs: values.FIREBREAK_CHALLENGER_DIRS ?? [],
    drainMs: values.FIREBREAK_DRAIN_MS,
    cluster,
    limits,
  };
}

const settingsSchema = z.object(
  Object.fromEntries(Object.entries(settings).map(([key, { schema }]) => [key, schema])) as {
    readonly [Name in SettingName]: (typeof settings)[Name]['schema'];
  },
);

function readSettings(environment: Environment, mistakes: FieldError[]) {
  const texts = Object.entries(settings).map(([key, { fallback }]) => [key, environment[key] || fallback]);
  const parsed = settingsSchema.safeParse(Object.fromEntries(texts));
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) {
    const key = String(path[0]);
    mistakes.push({ pointer: key, detail: `${message}; or leave it out${otherwise(key)}` });
  }
  return null;
}

type Settings = z.infer<typeof settingsSchema>;

function readCluster(values: Settings, mistakes: FieldError[]): ClusterConfig | null {
  const missing = (key: SettingName, why: string) => {
    // Whoever named a file for it has been told what is wrong with that.
    if (mistakes.some(({ pointer }) => pointer === fileKeyOf(key))) return;
    mistakes.push({ pointer: key, detail: `is missing; ${why}` });
  };
  const { FIREBREAK_KAFKA_BROKERS: brokers, FIREBREAK_REDIS_URL: redisUrl } = values;
  const { FIREBREAK_POSTGRES_URL: postgresUrl, FIREBREAK_KAFKA_SASL: mechanism } = values;
  const { FIREBREAK_KAFKA_USERNAME: username, FIREBREAK_KAFKA_PASSWORD: password } = values;
  const why = 'FIREBREAK_PROFILE=cluster asks for it';
  if (brokers === null) missing('FIREBREAK_KAFKA_BROKERS', why);
  if (redisUrl === null) missing('FIREBREAK_REDIS_URL', why);
  if (postgresUrl === null) missing('FIREBREAK_POSTGRES_URL', why);
  if (mechanism !== 'none' && username === null)
    missing('FIREBREAK_KAFKA_USERNAME', 'FIREBREAK_KAFKA_SASL asks for it');
  if (mechanism !== 'none' && password === null)
    missing('FIREBREAK_KAFKA_PASSWORD', 'FIREBREAK_KAFKA_SASL asks for it');
  if (brokers === null || redisUrl === null || postgresUrl === null) return null;
  return {
    kafka: {
      brokers,
      partitions: values.FIREBREAK_KAFKA_PARTITIONS,
      replicas: values.FIREBREAK_KAFKA_REPLICAS,
      tls: values.FIREBREAK_KAFKA_TLS === 'on',
      sasl:
        mechanism === 'none' || username === null || password === null
          ? null
          : { mechanism, username, password },
    },
    redisUrl,
    postgresUrl,
    postgresTls: values.FIREBREAK_POSTGRES_TLS === 'on',
    caFile: values.FIREBREAK_CA_FILE,
  };
}

function otherwise(key: string): string {
  const fallback = configKeys.find((known) => known.key === key)?.fallback ?? null;
  return fallback === null ? '' : `, which means ${fallback}`;
}

function readLimits(environment: Environment, mistakes: FieldError[]): Limits {
  const limits = { ...defaultLimits };
  const names = Object.keys(limitDefinitions) as LimitName[];
  let readable = true;
  for (const name of names) {
    const { key, value } = limitDefinitions[name];
    const most = ceilings.includes(name) ? value : Number.MAX_SAFE_INTEGER;
    const parsed = wholeNumber(1, most).safeParse(environment[key] || String(value));
    if (parsed.success) limits[name] = parsed.data;
    else
      mistakes.push({
        pointer: key,
        detail: `${parsed.error.issues[0]?.message}; or leave it out${otherwise(key)}`,
      });
    readable &&= parsed.success;
  }
  // Relations between values that could not be read would only repeat the same mistake in other words.
  const broken = readable ? checkLimits(limits) : [];
  for (const relation of broken) {
    const involved = names.filter((name) => new RegExp(`\\b${name}\\b`).test(relation));
    const keys = involved.map((name) => `${limitDefinitions[name].key}=${limits[name]}`);
    mistakes.push({ pointer: keys.join(' '), detail: `must keep ${relation}; change one of them` });
  }
  return limits;
}

function unknownKeys(environment: Environment): FieldError[] {
  const known = configKeys.map(({ key }) => key);
  return Object.keys(environment)
    .filter((key) => key.startsWith('FIREBREAK_') && !key.startsWith(agentPrefix) && !known.includes(key))
    .map((key) => ({ pointer: key, detail: `is not known; ${suggestion(key, known)}` }));
}

function suggestion(key: string, known: readonly string[]): string {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: editDistance(key, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  return nearest !== undefined && nearest.distance <= 3
    ? `did you mean ${nearest.candidate}?`
    : 'take it out';
}

/** @returns how many single-character edits turn one text into the other (Levenshtein) */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [line, character] of [...from].entries()) {
    const next = [line + 1];
    for (const [column, other] of [...to].entries()) {
      const replaced = (row[column] ?? 0) + (character === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

function invalid(mistakes: readonly FieldError[]): FirebreakError {
  const lines = mistakes.map(({ pointer, detail }) => `  ${pointer} ${detail}.`.replace(/\?\.$/, '?'));
  return new FirebreakError('FB_CONFIG_INVALID', `The configuration is invalid:\n${lines.join('\n')}\n`, {
    errors: mistakes,
  });
}
