import { z } from 'zod';
import { sampleKeysPattern } from '../samples/sample-keys.ts';

/** How to reach a PostgreSQL database, as a URL says it. */
const postgresUrl = z
  .string()
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isPostgres = url?.protocol === 'postgres:' || url?.protocol === 'postgresql:';
    return isPostgres && url.username !== '' && url.password !== '' && url.pathname.length > 1;
  }, 'must look like postgres://user:password@host:5432/database')
  // What is not understood must not be passed over: who writes sslmode=require means it.
  .refine(
    (text) => !URL.canParse(text) || [...new URL(text).searchParams.keys()].every((key) => key === 'host'),
    'takes no parameters but host; TLS is FIREBREAK_POSTGRES_TLS=on',
  )
  .nullable();

function hostList(message: string) {
  return z
    .string()
    .regex(/^\s*[^\s,:]+:\d{1,5}(?:\s*,\s*[^\s,:]+:\d{1,5})*\s*$/, message)
    .transform((text) => text.split(',').map((host) => host.trim()))
    .nullable();
}

const folderList = z
  .string()
  .transform((text) => text.split(',').map((folder) => folder.trim()))
  .refine((folders) => !folders.includes(''), 'must be folders, separated by commas');

export function wholeNumber(least: number, most: number) {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number ${range}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be a whole number ${range}`);
}

const secretSchema = z
  .string()
  .regex(
    /^\S{32,512}$/,
    'must be at least 32 characters without blanks, such as what `openssl rand -hex 32` prints',
  )
  .nullable();

/**
 * What is configured beside the limits: `fallback` is the text that counts when the variable is absent. What `isSecret`
 * may stand in a file, which the variable with the suffix `_FILE` names.
 */
export const settings = {
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
    isSecret: true,
    says: "The operator's token. Without it the first start makes one and writes `credentials.json` in the data folder.",
  },
  FIREBREAK_METRICS_TOKEN: {
    schema: secretSchema,
    fallback: null,
    isSecret: true,
    says: 'Bearer token of `/metrics`. Without it they are shown to this machine alone, and not through a proxy.',
  },
  FIREBREAK_RULE_DIRS: {
    schema: folderList.nullable(),
    fallback: null,
    says: 'Folders of your own Sigma rules, separated by commas, read beside the built-in ones, and again when a file in them changes.',
  },
  FIREBREAK_SIMULATED_RULE_DIRS: {
    schema: folderList.nullable(),
    fallback: null,
    says: 'Folders of Sigma rules to be tried: decision records and metrics tell what they find, marked as simulated, and no score or verdict changes. Moving a file to the folders above puts it in force.',
  },
  FIREBREAK_SAMPLE_RULE_DIRS: {
    schema: folderList.nullable(),
    fallback: null,
    says: 'Folders of your own YARA rules for the content of samples, separated by commas, read beside the built-in ones, and again when a file in them changes.',
  },
  FIREBREAK_SAMPLE_KEYS: {
    schema: z
      .string()
      .regex(
        sampleKeysPattern,
        'must be id:key, several separated by commas, each key 64 hexadecimal digits such as what `openssl rand -hex 32` prints',
      )
      .refine((text) => {
        const ids = text.split(',').map((pair) => pair.split(':')[0]);
        return new Set(ids).size === ids.length;
      }, 'must name each id once')
      .nullable(),
    fallback: null,
    isSecret: true,
    says: 'Keys that protect stored samples, as `id:64 hexadecimal digits`, the one in use first, former ones behind it until nothing is stored under them. Without it the embedded profile makes one in the data folder, and the cluster profile takes no samples.',
  },
  FIREBREAK_REPUTATION_DIRS: {
    schema: folderList.nullable(),
    fallback: null,
    says: 'Folders of reputation lists of your own, `*.list`, separated by commas, and read again when a file in them changes ([format](reputation-lists.md)). What they name is suspicious; it is blocked only where other evidence joins.',
  },
  FIREBREAK_CHALLENGER_DIRS: {
    schema: folderList.nullable(),
    fallback: null,
    says: 'Folders, separated by commas, that hold a folder for each version of a classifier that is to be tried: `manifest.json`, the model and `golden.jsonl`. Looked through again while the service runs.',
  },
  FIREBREAK_PROFILE: {
    schema: z.enum(['embedded', 'cluster'], { error: 'must be embedded or cluster' }),
    fallback: 'embedded',
    says: '`embedded` keeps everything in the data folder of one machine; `cluster` stands on Kafka, Redis and PostgreSQL, which the three addresses below name.',
  },
  FIREBREAK_KAFKA_BROKERS: {
    schema: hostList('must be host:port, several separated by commas, such as kafka-1:9092,kafka-2:9092'),
    fallback: null,
    says: 'Cluster profile: some of the Kafka brokers; the others are found through them.',
  },
  FIREBREAK_KAFKA_PARTITIONS: {
    schema: wholeNumber(1, 1000),
    fallback: '12',
    says: 'Cluster profile: partitions of every topic, which is how many correlators can work at once. Never changed once the topics are there.',
  },
  FIREBREAK_KAFKA_REPLICAS: {
    schema: wholeNumber(1, 9),
    fallback: '3',
    says: 'Cluster profile: copies that Kafka keeps of each record, when it makes the topics. No more than there are brokers.',
  },
  FIREBREAK_KAFKA_TLS: {
    schema: z.enum(['off', 'on'], { error: 'must be on or off' }),
    fallback: 'off',
    says: 'Cluster profile: TLS to the brokers. Their certificates are checked, see FIREBREAK_CA_FILE.',
  },
  FIREBREAK_KAFKA_SASL: {
    schema: z.enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512'], {
      error: 'must be one of none, plain, scram-sha-256, scram-sha-512',
    }),
    fallback: 'none',
    says: 'Cluster profile: how the service proves itself to the brokers. `plain` without TLS shows the password to the network.',
  },
  FIREBREAK_KAFKA_USERNAME: {
    schema: z.string().nullable(),
    fallback: null,
    says: 'Cluster profile: user for FIREBREAK_KAFKA_SASL.',
  },
  FIREBREAK_KAFKA_PASSWORD: {
    schema: z.string().nullable(),
    fallback: null,
    isSecret: true,
    says: 'Cluster profile: password for FIREBREAK_KAFKA_SASL.',
  },
  FIREBREAK_REDIS_URL: {
    schema: z.string().nullable(),
    fallback: null,
    isSecret: true,
    says: 'Cluster profile: `redis://`, `rediss://` (TLS), `redis-sentinel://host,host/name` or `redis-cluster://host,host`.',
  },
  FIREBREAK_POSTGRES_URL: {
    schema: postgresUrl,
    fallback: null,
    isSecret: true,
    says: 'Cluster profile: `postgres://user:password@host:port/database` of the owner, who may create schemas and roles.',
  },
  FIREBREAK_POSTGRES_TLS: {
    schema: z.enum(['off', 'on'], { error: 'must be on or off' }),
    fallback: 'off',
    says: 'Cluster profile: TLS to PostgreSQL. Its certificate is checked, its name too, as `sslmode=verify-full` does it; see FIREBREAK_CA_FILE.',
  },
  FIREBREAK_CA_FILE: {
    schema: z.string().nullable(),
    fallback: null,
    says: 'Cluster profile: PEM file of authorities that Kafka, Redis and PostgreSQL may have their certificates from, beside those that Node trusts.',
  },
  FIREBREAK_DRAIN_MS: {
    schema: wholeNumber(0, 600_000),
    fallback: '10000',
    says: 'How long a stopping process lets running work finish, in milliseconds; below the kill time-out of whatever runs it.',
  },
} as const;
