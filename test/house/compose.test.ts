import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { parse } from 'yaml';
import { z } from 'zod';
import { problemSchema } from '../../contracts/errors.ts';
import { defaultLimits } from '../../contracts/limits.ts';
import { allOperations } from '../../contracts/operations/all.ts';
import { getLiveness, getReadiness } from '../../contracts/operations/service.ts';
import { configKeys, readConfig } from '../../platform/config/config.ts';
import { parseRedisTarget } from '../../platform/signals/redis-target.ts';
import { nginxConfiguration } from '../../scripts/compose/nginx.ts';
import { makeSecrets } from '../../scripts/compose/secrets.ts';
import { serviceFor } from '../../services/host/routing.ts';
import { serviceNames } from '../../services/host/services.ts';
import { read } from './source-files.ts';

const containerSchema = z.object({
  image: z.string(),
  command: z.array(z.string()).optional(),
  build: z.string().optional(),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  tmpfs: z.array(z.string()).optional(),
  restart: z.string(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  mem_limit: z.string(),
  networks: z.array(z.string()),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  secrets: z.array(z.string()).optional(),
  stop_grace_period: z.string().optional(),
  // Instances could not be more than one.
  container_name: z.never().optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  healthcheck: z.object({ test: z.array(z.string()) }),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
});
const composeSchema = z.object({
  services: z.record(z.string(), containerSchema),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional() })),
  volumes: z.record(z.string(), z.object({})),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
});
const packageSchema = z.object({ version: z.string() });
const buildSchema = z.object({ include: z.array(z.string()) });

const compose = composeSchema.parse(parse(read('docker-compose.yml'), { merge: true }));
const containers = Object.entries(compose.services);
const dockerfile = read('Dockerfile');
const nginx = read('deploy/nginx.conf');

function containerOf(name: string): z.infer<typeof containerSchema> {
  const container = compose.services[name];
  if (container === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return container;
}

function variablesOf(name: string): Record<string, string> {
  const entries = Object.entries(containerOf(name).environment ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}

describe('docker-compose.yml', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'firebreak-compose-'));
    makeSecrets(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** As the container sees it, but for the folder of the secrets. */
  function configOf(name: string) {
    const mounted = containerOf(name).secrets ?? [];
    const entries = Object.entries(variablesOf(name)).map(([key, value]) => {
      if (!key.endsWith('_FILE')) return [key, value];
      const secret = basename(value);
      expect(value).toBe(`/run/secrets/${secret}`);
      expect(mounted).toContain(secret);
      return [key, join(folder, secret)];
    });
    return readConfig(Object.fromEntries(entries) as Record<string, string>);
  }

  test('has a container for every service, which runs its main file of the one image', () => {
    const { version } = packageSchema.parse(JSON.parse(read('package.json')));
    for (const name of serviceNames) {
      const { command, image, build } = containerOf(name);
      expect(command).toEqual([`dist/services/${name}/main.js`]);
      expect(existsSync(`services/${name}/main.ts`)).toBe(true);
      expect({ image, build }).toEqual({ image: `firebreak:${version}`, build: '.' });
    }
    const others = containers
      .map(([name]) => name)
      .filter((name) => !serviceNames.some((own) => own === name));
    expect(others.sort()).toEqual(['kafka', 'nginx', 'postgres', 'redis']);
  });

  test('configures every service with variables that it knows and takes', () => {
    const known = configKeys.map(({ key }) => key);
    for (const name of serviceNames) {
      const variables = Object.keys(variablesOf(name));
      expect(variables.filter((key) => !known.includes(key))).toEqual([]);
      const { cluster, httpHost, httpPort, operatorToken, metricsToken } = configOf(name);
      expect({ httpHost, httpPort }).toEqual({ httpHost: '0.0.0.0', httpPort: 8080 });
      expect(operatorToken).not.toBeNull();
      expect(metricsToken).not.toBeNull();
      expect(cluster?.kafka).toMatchObject({ brokers: ['kafka:9092'], partitions: 12, replicas: 1 });
    }
  });

  test('names servers that are there, with the users and databases that they make', () => {
    const { cluster } = configOf('record');
    const redis = parseRedisTarget(cluster?.redisUrl ?? '');
    expect(redis).toMatchObject({ kind: 'standalone', node: { host: 'redis', port: 6379 } });
    expect(redis.password).toBe(readFileSync(join(folder, 'redis-password'), 'utf8').trim());
    const postgres = new URL(cluster?.postgresUrl ?? '');
    expect(postgres.host).toBe('postgres:5432');
    expect(variablesOf('postgres')).toMatchObject({
      POSTGRES_USER: postgres.username,
      POSTGRES_DB: postgres.pathname.slice(1),
    });
    expect(postgres.password).toBe(readFileSync(join(folder, 'postgres-password'), 'utf8').trim());
    expect(variablesOf('kafka')).toMatchObject({
      KAFKA_ADVERTISED_LISTENERS: 'BROKER://kafka:9092',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    });
  });

  test('lets each Kafka have an identifier of its own: cursors of a log that is gone are to be refused', () => {
    expect(variablesOf('kafka')).not.toHaveProperty('CLUSTER_ID');
    const [, , script = ''] = containerOf('kafka').command ?? [];
    const data = mkdtempSync(join(tmpdir(), 'firebreak-kafka-'));
    const shown = script
      .replaceAll('$$', '$')
      .replace('/var/lib/kafka/data', data)
      .replace('exec /etc/kafka/docker/run', 'printf %s "$CLUSTER_ID"');
    const started = () => execFileSync('sh', ['-c', shown], { encoding: 'utf8' });
    try {
      expect(started()).toMatch(/^\w[\w-]{21}$/);
      expect(started()).not.toBe(started());
      writeFileSync(
        join(data, 'meta.properties'),
        'version=1\ncluster.id=IgzXTT5BSjeSf4x7v7DX0A\nnode.id=1\n',
      );
      expect(started()).toBe('IgzXTT5BSjeSf4x7v7DX0A');
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  test('pins every image to an exact version', () => {
    for (const [, { image }] of containers)
      expect(image).toMatch(/^[a-z/]+:\d+\.\d+\.\d+(-\w+)?$|^postgres:\d+\.\d+-\w+$/);
    expect(dockerfile).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-\w+-slim$/m);
  });

  test('gives no container more than it needs', () => {
    for (const [name, container] of containers) {
      expect(container).toMatchObject({
        restart: 'unless-stopped',
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      expect(container.mem_limit).toMatch(/^\d+[mg]$/);
      // Those of ours and Kafka's run as a user of their image.
      const isNobody = container.user !== undefined || container.build !== undefined || name === 'kafka';
      expect({ name, isNobody }).toEqual({ name, isNobody: true });
      if (container.build !== undefined)
        expect(container).toMatchObject({ read_only: true, tmpfs: ['/tmp'] });
    }
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(compose.networks['back']?.internal).toBe(true);
  });

  test('publishes the proxy alone, to this machine alone unless told otherwise', () => {
    expect(containers.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual([
      'nginx',
    ]);
    expect(containerOf('nginx').ports).toEqual(['${HTTP_ADDRESS:-127.0.0.1}:${HTTP_PORT:-8080}:8080']);
    for (const name of ['ingest', 'publish', 'query']) expect(containerOf(name).networks).toContain('front');
  });

  test('waits until what a container depends on is healthy, and nothing depends on itself', () => {
    const waitsFor = (name: string): readonly string[] => Object.keys(containerOf(name).depends_on ?? {});
    const all = (name: string): readonly string[] =>
      waitsFor(name).flatMap((other) => [other, ...all(other)]);
    for (const [name, { depends_on: wanted = {} }] of containers) {
      for (const { condition } of Object.values(wanted)) expect(condition).toBe('service_healthy');
      expect(all(name)).not.toContain(name);
    }
    for (const name of serviceNames)
      expect(all(name)).toEqual(expect.arrayContaining(['kafka', 'redis', 'postgres']));
    expect(waitsFor('nginx').toSorted()).toEqual(['ingest', 'publish', 'query']);
  });

  test('asks every service whether it is ready, at a path and port that it has', () => {
    for (const name of serviceNames) {
      const { test: probe } = containerOf(name).healthcheck;
      expect(probe.slice(0, 3)).toEqual(['CMD', 'bash', '-c']);
      expect(probe[3]).toContain(`/dev/tcp/127.0.0.1/${configOf(name).httpPort} `);
      expect(probe[3]).toContain(`"GET ${getReadiness.path} HTTP/1.0`);
    }
    expect(dockerfile).toContain('/dev/tcp/127.0.0.1/8080 ');
    expect(dockerfile).toContain(`'GET ${getLiveness.path} HTTP/1.0`);
    expect(dockerfile).toMatch(/^EXPOSE 8080$/m);
  });

  test('makes a PostgreSQL that orders texts as the built-in one does', () => {
    expect(read('platform/postgres/cluster.ts')).toContain("'-E', 'UTF8', '--locale=C'");
    expect(variablesOf('postgres')['POSTGRES_INITDB_ARGS']).toBe('--encoding=UTF8 --locale=C');
  });

  test('lets a stopping service finish', () => {
    for (const name of serviceNames)
      expect(Number.parseInt(containerOf(name).stop_grace_period ?? '', 10) * 1000).toBeGreaterThan(
        configOf(name).drainMs,
      );
  });

  test('takes secrets from files that are made outside of it and kept from git and from the image', () => {
    const made = readdirSync(folder);
    expect(Object.keys(compose.secrets).sort()).toEqual(made.sort());
    for (const [name, { file }] of Object.entries(compose.secrets)) expect(file).toBe(`./secrets/${name}`);
    const ignored = execFileSync('git', ['check-ignore', '--no-index', 'secrets/operator-token', '.env'], {
      encoding: 'utf8',
    });
    expect(ignored.trim().split('\n')).toHaveLength(2);
    expect(
      read('.dockerignore')
        .split('\n')
        .filter((line) => /^[^#!]/.test(line)),
    ).toEqual(['*']);
    // A value of its own would stand after `=` or `:` of a name like these.
    for (const [name] of containers)
      for (const key of Object.keys(variablesOf(name)))
        if (/PASSWORD|TOKEN|SECRET|_URL/.test(key)) expect(key).toMatch(/_FILE$/);
    for (const text of [read('docker-compose.yml'), dockerfile, nginx])
      expect(text).not.toMatch(/:\/\/[^\s/]*:[^\s/]*@/);
  });

  test('mounts volumes that it declares, and files that are there', () => {
    const mounted = containers.flatMap(([, { volumes = [] }]) =>
      volumes.map((volume) => volume.split(':')[0] ?? ''),
    );
    const files = mounted.filter((source) => source.startsWith('./'));
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    expect(mounted.filter((source) => !files.includes(source)).sort()).toEqual(
      Object.keys(compose.volumes).sort(),
    );
  });
});

describe('the secrets', () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'firebreak-secrets-')), 'secrets');
  afterAll(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

  test('are made once, differ, and lie where their owner alone may enter', () => {
    const made = makeSecrets(folder);
    const texts = made.map((file) => readFileSync(file, 'utf8'));
    expect(new Set(texts).size).toBe(made.length);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    // Users of containers are nobody outside: they could not read what only its owner may.
    for (const file of made) expect(statSync(file).mode & 0o777).toBe(0o444);
    expect(makeSecrets(folder)).toEqual([]);
    expect(made.map((file) => readFileSync(file, 'utf8'))).toEqual(texts);
  });
});

describe('deploy/nginx.conf', () => {
  const rules = [...nginx.matchAll(/^ +"~(\^.*)" (\w+);$/gm)].map((match) => ({
    pattern: new RegExp(match[1] ?? ''),
    service: match[2] ?? '',
  }));
  /** As nginx reads its map: the first pattern that fits, else the default. */
  const routed = (method: string, uri: string) =>
    rules.find(({ pattern }) => pattern.test(`${method} ${uri}`))?.service ?? 'query';

  test('is what `npm run compose:nginx` makes of the code', () => {
    expect(nginx).toBe(nginxConfiguration());
  });

  test('sends every operation to the service that answers it', () => {
    expect(rules.length).toBeGreaterThan(5);
    expect(nginx).toContain('default query;');
    for (const { method, path } of allOperations) {
      const uri = path.replace(/\{[^}]+\}/g, 'sha256%3A00ff%2F1');
      for (const sent of method === 'GET' ? ['GET', 'HEAD'] : [method]) {
        expect({ sent, uri, to: routed(sent, uri) }).toEqual({ sent, uri, to: serviceFor(sent, uri) });
        expect(routed(sent, `${uri}?limit=1/2`)).toBe(serviceFor(sent, uri));
      }
    }
  });

  test('sends what is nobody’s, and what only looks like another’s, where the services say', () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/docs'],
      ['GET', '/metrics'],
      ['GET', '/v1/reports'],
      ['GET', '/v1/reports/'],
      ['GET', '/v1/reports/a/b'],
      ['DELETE', '/v1/reports/a'],
      ['POST', '/v1/reportsx'],
      ['POST', '/v1/stream'],
      ['GET', '/v1/stream/'],
      ['GET', '/v1/devices'],
    ] as const)
      expect({ method, path, to: routed(method, path) }).toEqual({
        method,
        path,
        to: serviceFor(method, path),
      });
  });

  test('takes what the services take, and answers in their words where they cannot', () => {
    expect(nginx).toContain(`client_max_body_size ${defaultLimits.bodyBytes};`);
    const answers = [...nginx.matchAll(/return (\d+) '(.*)';/g)].map(([, status, body]) => ({
      status: Number(status),
      problem: problemSchema.parse(JSON.parse(body ?? '')),
    }));
    for (const most of [defaultLimits.sampleBytes, defaultLimits.detonationBytes])
      expect(nginx).toContain(`client_max_body_size ${most};`);
    expect(answers).toHaveLength(3);
    for (const { status, problem } of answers) expect(problem.status).toBe(status);
  });

  test('holds no name of a server that would be looked up once and for all', () => {
    const targets = [...nginx.matchAll(/proxy_pass (\S+);/g)].map((match) => match[1]);
    expect(new Set(targets)).toEqual(new Set(['http://$service:8080']));
    expect(nginx).toMatch(/resolver 127\.0\.0\.11 valid=\d+s/);
  });
});

/** @returns what the build compiles: what it names, and whatever that imports */
function builtFiles(): readonly string[] {
  const { config } = ts.readConfigFile('tsconfig.build.json', (path) => read(path)) as { config: object };
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
  return ts
    .createProgram(fileNames, options)
    .getSourceFiles()
    .map(({ fileName }) => relative('.', fileName))
    .filter((path) => !path.startsWith('node_modules/'));
}

describe('Dockerfile', () => {
  test('copies what a build reads', () => {
    const { include } = buildSchema.parse(JSON.parse(read('tsconfig.build.json')));
    const copied = [...dockerfile.matchAll(/^COPY (?!--)(.*) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    expect(copied).toEqual(
      expect.arrayContaining([...include, 'migrations', 'scripts/copy-assets.mjs', '.npmrc']),
    );
    expect(copied.filter((path) => !existsSync(path))).toEqual([]);
    const isCopied = (file: string) => copied.some((path) => file === path || file.startsWith(`${path}/`));
    expect(builtFiles().filter((file) => !isCopied(file))).toEqual([]);
    const admitted = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    expect(admitted.map((line) => line.slice(1)).sort()).toEqual([...new Set(copied)].sort());
  });

  test('starts what the command names', () => {
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node"\]$/m);
    const [, main = ''] = /^CMD \["dist\/(.*)\.js"\]$/m.exec(dockerfile) ?? [];
    expect(existsSync(`${main}.ts`)).toBe(true);
  });
});
