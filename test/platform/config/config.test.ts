import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isFirebreakError, type FirebreakError } from '../../../contracts/errors.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import { configKeys, readConfig } from '../../../platform/config/config.ts';

function mistakes(environment: Record<string, string>): FirebreakError {
  try {
    readConfig(environment);
  } catch (error) {
    if (isFirebreakError(error)) return error;
    throw error;
  }
  throw new Error('the configuration was taken');
}

describe('reading the configuration', () => {
  test('an empty environment gives the documented defaults', () => {
    expect(readConfig({ PATH: '/bin' })).toEqual({
      httpHost: '127.0.0.1',
      httpPort: 8080,
      dataDir: '.firebreak',
      logLevel: 'info',
      operatorToken: null,
      metricsToken: null,
      ruleDirs: [],
      simulatedRuleDirs: [],
      sampleRuleDirs: [],
      sampleKeys: null,
      reputationDirs: [],
      challengerDirs: [],
      drainMs: 10_000,
      cluster: null,
      limits: defaultLimits,
    });
  });

  test('the cluster profile names what it stands on, and says all that is missing', () => {
    const environment = {
      FIREBREAK_PROFILE: 'cluster',
      FIREBREAK_KAFKA_BROKERS: 'a:9092, b:9092',
      FIREBREAK_REDIS_URL: 'redis://cache:6379',
      FIREBREAK_POSTGRES_URL: 'postgres://owner:secret@database:5432/firebreak',
    };
    expect(readConfig(environment).cluster).toMatchObject({
      kafka: { brokers: ['a:9092', 'b:9092'], partitions: 12, replicas: 3, tls: false, sasl: null },
      redisUrl: 'redis://cache:6379',
      postgresTls: false,
      caFile: null,
    });
    const url = `${environment.FIREBREAK_POSTGRES_URL}?sslmode=require`;
    expect(mistakes({ ...environment, FIREBREAK_POSTGRES_URL: url }).errors?.[0]?.detail).toMatch(
      /takes no parameters but host; TLS is FIREBREAK_POSTGRES_TLS=on/,
    );
    const { errors } = mistakes({ FIREBREAK_PROFILE: 'cluster', FIREBREAK_KAFKA_SASL: 'plain' });
    expect(errors?.map(({ pointer }) => pointer)).toEqual([
      'FIREBREAK_KAFKA_BROKERS',
      'FIREBREAK_REDIS_URL',
      'FIREBREAK_POSTGRES_URL',
      'FIREBREAK_KAFKA_USERNAME',
      'FIREBREAK_KAFKA_PASSWORD',
    ]);
    for (const [key, text] of Object.entries({
      FIREBREAK_KAFKA_BROKERS: 'kafka',
      FIREBREAK_POSTGRES_URL: 'postgres://owner@database/firebreak',
      FIREBREAK_PROFILE: 'kafka',
      FIREBREAK_POSTGRES_TLS: 'require',
    }))
      expect(mistakes({ ...environment, [key]: text }).errors).toMatchObject([{ pointer: key }]);
  });

  describe('a secret in a file', () => {
    let folder = '';
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'firebreak-secrets-'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    const fileOf = (text: string): string => {
      const path = join(folder, createHash('sha256').update(text).digest('hex'));
      writeFileSync(path, text);
      return path;
    };

    test('counts as if it had been given itself, without the line break at its end', () => {
      const config = readConfig({
        FIREBREAK_PROFILE: 'cluster',
        FIREBREAK_KAFKA_BROKERS: 'a:9092',
        FIREBREAK_KAFKA_SASL: 'plain',
        FIREBREAK_KAFKA_USERNAME: 'firebreak',
        FIREBREAK_KAFKA_PASSWORD_FILE: fileOf('a pass phrase\n'),
        FIREBREAK_OPERATOR_TOKEN: '',
        FIREBREAK_OPERATOR_TOKEN_FILE: fileOf(`${'o'.repeat(43)}\n`),
        FIREBREAK_METRICS_TOKEN_FILE: fileOf(` ${'m'.repeat(43)}\r\n`),
        FIREBREAK_REDIS_URL_FILE: fileOf('redis://:secret@cache:6379\n'),
        FIREBREAK_POSTGRES_URL_FILE: fileOf('postgres://owner:secret@database:5432/firebreak'),
      });
      expect(config).toMatchObject({
        operatorToken: 'o'.repeat(43),
        metricsToken: 'm'.repeat(43),
        cluster: {
          kafka: { sasl: { mechanism: 'plain', username: 'firebreak', password: 'a pass phrase' } },
          redisUrl: 'redis://:secret@cache:6379',
          postgresUrl: 'postgres://owner:secret@database:5432/firebreak',
        },
      });
    });

    test('is a mistake, told with all others, when it is given twice, cannot be read, is empty or does not fit', () => {
      const error = mistakes({
        FIREBREAK_PROFILE: 'cluster',
        FIREBREAK_KAFKA_BROKERS: 'kafka',
        FIREBREAK_OPERATOR_TOKEN: 'o'.repeat(43),
        FIREBREAK_OPERATOR_TOKEN_FILE: fileOf('o'.repeat(43)),
        FIREBREAK_METRICS_TOKEN_FILE: fileOf('short'),
        FIREBREAK_REDIS_URL_FILE: fileOf('\n'),
        FIREBREAK_POSTGRES_URL_FILE: join(folder, 'nowhere'),
        FIREBREAK_LOG_LEVEL_FILE: fileOf('info'),
      });
      expect(error.errors?.map(({ pointer }) => pointer).sort()).toEqual([
        'FIREBREAK_KAFKA_BROKERS',
        'FIREBREAK_LOG_LEVEL_FILE',
        'FIREBREAK_METRICS_TOKEN',
        'FIREBREAK_OPERATOR_TOKEN_FILE',
        'FIREBREAK_POSTGRES_URL_FILE',
        'FIREBREAK_REDIS_URL_FILE',
      ]);
      expect(error.message).toContain(
        'FIREBREAK_OPERATOR_TOKEN_FILE and FIREBREAK_OPERATOR_TOKEN are both given; leave one of them out.',
      );
      expect(error.message).toMatch(
        /FIREBREAK_POSTGRES_URL_FILE names .*nowhere, which cannot be read \(ENOENT\)\./,
      );
      expect(error.message).toMatch(/FIREBREAK_REDIS_URL_FILE names .*, which is empty\./);
    });

    test('that cannot be read is not called missing too', () => {
      const { errors } = mistakes({
        FIREBREAK_PROFILE: 'cluster',
        FIREBREAK_KAFKA_BROKERS: 'a:9092',
        FIREBREAK_REDIS_URL: 'redis://cache:6379',
        FIREBREAK_POSTGRES_URL_FILE: join(folder, 'nowhere'),
      });
      expect(errors?.map(({ pointer }) => pointer)).toEqual(['FIREBREAK_POSTGRES_URL_FILE']);
    });
  });

  test('every documented default is what an explicit value of the same text gives', () => {
    const written = configKeys.flatMap(({ key, fallback }) => (fallback === null ? [] : [[key, fallback]]));
    expect(readConfig(Object.fromEntries(written) as Record<string, string>)).toEqual(readConfig({}));
  });

  test('values are taken, empty ones count as absent', () => {
    const config = readConfig({
      FIREBREAK_HTTP_PORT: '0',
      FIREBREAK_HTTP_HOST: '',
      FIREBREAK_RULE_DIRS: 'rules, /etc/firebreak/rules',
      FIREBREAK_SIMULATED_RULE_DIRS: 'tried',
      FIREBREAK_REPUTATION_DIRS: 'lists',
      FIREBREAK_CHALLENGER_DIRS: 'versions',
      FIREBREAK_LIMIT_DEPTH: '9',
      FIREBREAK_OPERATOR_TOKEN: 'x'.repeat(43),
    });
    expect(config).toMatchObject({
      httpPort: 0,
      httpHost: '127.0.0.1',
      ruleDirs: ['rules', '/etc/firebreak/rules'],
      simulatedRuleDirs: ['tried'],
      reputationDirs: ['lists'],
      challengerDirs: ['versions'],
      operatorToken: 'x'.repeat(43),
    });
    expect(config.limits.depth).toBe(9);
  });

  test('all mistakes are told together, each with what to do', () => {
    const error = mistakes({
      FIREBREAK_HTTP_PORT: '80a',
      FIREBREAK_LOG_LEVEL: 'loud',
      FIREBREAK_HTTP_PROT: '80',
      FIREBREAK_LIMIT_DEPTH: '0',
      FIREBREAK_METRICS_TOKEN: 'short',
    });
    expect(error.code).toBe('FB_CONFIG_INVALID');
    expect(error.errors?.map(({ pointer }) => pointer).sort()).toEqual([
      'FIREBREAK_HTTP_PORT',
      'FIREBREAK_HTTP_PROT',
      'FIREBREAK_LIMIT_DEPTH',
      'FIREBREAK_LOG_LEVEL',
      'FIREBREAK_METRICS_TOKEN',
    ]);
    expect(error.message).toContain(
      'FIREBREAK_HTTP_PORT must be a whole number from 0 to 65535; or leave it out, which means 8080.',
    );
    expect(error.message).toContain('FIREBREAK_HTTP_PROT is not known; did you mean FIREBREAK_HTTP_PORT?');
  });

  test('limits that contradict each other are refused with their values', () => {
    const error = mistakes({ FIREBREAK_LIMIT_TEXT_BYTES: '400000' });
    expect(error.message).toContain('textBytes < reportBytes');
    expect(error.message).toContain('FIREBREAK_LIMIT_TEXT_BYTES=400000');
  });

  test('a limit of the wire contract is lowered but not raised', () => {
    expect(readConfig({ FIREBREAK_LIMIT_REPORTS_PER_BATCH: '10' }).limits.reportsPerBatch).toBe(10);
    expect(mistakes({ FIREBREAK_LIMIT_REPORTS_PER_BATCH: '501' }).message).toContain('from 1 to 500');
  });

  test('the variables of the agent are none of its business', () => {
    expect(() => readConfig({ FIREBREAK_AGENT_DIR: '/tmp/agent' })).not.toThrow();
  });

  test('every key is documented once and says why', () => {
    const keys = configKeys.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(configKeys.every(({ says }) => says.endsWith('.'))).toBe(true);
  });
});
