import { z } from 'zod';
import { FirebreakError, type FieldError } from '../../contracts/errors.ts';
import {
  checkLimits,
  defaultLimits,
  limitDefinitions,
  type LimitName,
  type Limits,
} from '../../contracts/limits.ts';

const secretSchema = z
  .string()
  .regex(
    /^\S{32,512}$/,
    'must be at least 32 characters without blanks, such as what `openssl rand -hex 32` prints',
  )
  .nullable();

/** What is configured beside the limits: `fallback` is the text that counts when the variable is absent. */
const settings = {
  FIREBREAK_HTTP_HOST: {
    schema: z.string().regex(/^\S{1,253}$/, 'must be an address or host name to listen on'),
    fallback: '127.0.0.1',
    says: 'Address to listen on. Beyond this machine put a proxy with TLS in front.',
  },
  FIREBREAK_HTTP_PORT: {
    schema: wholeNumber(0, 65_535),
    fallback: '8080',
    says: 'Port to listen on; 0 takes a free one.',
  },
  FIREBREAK_DATA_DIR: {
    schema: z.string(),
    fallback: '.firebreak',
    says: 'Folder of all that the embedded profile keeps: database, log, credentials of the first start.',
  },
  FIREBREAK_LOG_LEVEL: {
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be one of fatal, error, warn, info, debug, trace, silent',
    }),
    fallback: 'info',
    says: 'The least that is logged; `error` means that a person must act.',
  },
  FIREBREAK_OPERATOR_TOKEN: {
    schema: secretSchema,
    fallback: null,
    says: "The operator's token. Without it the first start makes one and writes `credentials.json` in the data folder.",
  },
  FIREBREAK_METRICS_TOKEN: {
    schema: secretSchema,
    fallback: null,
    says: 'Bearer token of `/metrics`. Without it they are shown to this machine alone, and not through a proxy.',
  },
  FIREBREAK_RULE_DIRS: {
    schema: z
      .string()
      .transform((text) => text.split(',').map((folder) => folder.trim()))
      .refine((folders) => !folders.includes(''), 'must be folders, separated by commas')
      .nullable(),
    fallback: null,
    says: 'Folders of your own Sigma rules, separated by commas, read beside the built-in ones.',
  },
  FIREBREAK_DRAIN_MS: {
    schema: wholeNumber(0, 600_000),
    fallback: '10000',
    says: 'How long a stopping process lets running work finish, in milliseconds; below the kill time-out of whatever runs it.',
  },
} as const;
type SettingName = keyof typeof settings;

/** Limits that stand in the wire contract: a larger value would promise what the schemas refuse. */
const ceilings: readonly LimitName[] = ['reportsPerBatch', 'lookupsPerRequest', 'eventsPerReport', 'waitMs'];

/** The agent's own program reads these; one shell may hold both. */
const agentPrefix = 'FIREBREAK_AGENT_';

export type LogLevel = z.infer<typeof settings.FIREBREAK_LOG_LEVEL.schema>;

export interface Config {
  readonly httpHost: string;
  readonly httpPort: number;
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  readonly operatorToken: string | null;
  readonly metricsToken: string | null;
  readonly ruleDirs: readonly string[];
  readonly drainMs: number;
  readonly limits: Limits;
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
  ...Object.values(limitDefinitions).map(({ key, value, why }) => ({
    key,
    fallback: String(value),
    says: why,
  })),
];

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration, once at start. An empty variable counts as absent.
 * @throws FirebreakError FB_CONFIG_INVALID that names every mistake at once, each with what to do
 */
export function readConfig(environment: Environment): Config {
  const mistakes: FieldError[] = unknownKeys(environment);
  const values = readSettings(environment, mistakes);
  const limits = readLimits(environment, mistakes);
  if (mistakes.length > 0 || values === null) throw invalid(mistakes);
  return {
    httpHost: values.FIREBREAK_HTTP_HOST,
    httpPort: values.FIREBREAK_HTTP_PORT,
    dataDir: values.FIREBREAK_DATA_DIR,
    logLevel: values.FIREBREAK_LOG_LEVEL,
    operatorToken: values.FIREBREAK_OPERATOR_TOKEN,
    metricsToken: values.FIREBREAK_METRICS_TOKEN,
    ruleDirs: values.FIREBREAK_RULE_DIRS ?? [],
    drainMs: values.FIREBREAK_DRAIN_MS,
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

function wholeNumber(least: number, most: number) {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number ${range}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be a whole number ${range}`);
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
