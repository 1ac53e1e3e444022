import { mkdirSync } from 'node:fs';
import { readConfig } from '../../platform/config/config.ts';
import { createSecret } from '../../platform/postgres/secret.ts';
import { ensureSampleKeysFile } from '../../platform/samples/sample-keys.ts';
import { credentialsFile, readCredentials, writeCredentials } from '../../services/host/credentials.ts';
import { serviceNames, type ServiceName } from '../../services/host/services.ts';
import { freePort } from '../servers/free-port.ts';
import { startFront } from './front.ts';
import { startInstance, type Instance } from './instance.ts';
import { startServers, type ClusterServers } from './servers.ts';

export interface ClusterOptions {
  /** Keeps the data of all servers and the credentials; made on the first start. */
  readonly dataDir: string;
  /** Of the address in front; a free one otherwise. */
  readonly port?: number;
  /** Of each service; two of those that agents wait for, else one. */
  readonly instances?: Partial<Readonly<Record<ServiceName, number>>>;
  /** Further variables of every service. */
  readonly env?: Readonly<Record<string, string>>;
  /** False only where losing the data in a power cut does not matter, as in tests. */
  readonly fsync?: boolean;
  readonly onNotice: (line: string) => void;
}

export interface Cluster extends Pick<ClusterServers, 'kafka' | 'redis' | 'postgres'> {
  readonly url: string;
  readonly operatorToken: string;
  readonly credentialsFile: string;
  readonly instances: readonly Instance[];
  /** Variables of every service, for tools that stand on the same servers. */
  readonly env: Readonly<Record<string, string>>;
  /** Of every topic. */
  readonly partitions: number;
  /** Starts an instance, `kafka` or `redis` once more, under the same name, on the same port and data. */
  restart(name: string): Promise<void>;
  /** In order: the interface, the services from the beginning of the loop to its end, then what they stand on. */
  stop(): Promise<void>;
}

const usualInstances: Readonly<Record<ServiceName, number>> = {
  ...{ ingest: 2, classify: 2, correlate: 2, publish: 2, record: 1, query: 1, analyse: 1 },
};

/** The whole of the cluster profile on one machine, each server and each instance a process of its own. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { onNotice } = options;
  mkdirSync(options.dataDir, { recursive: true, mode: 0o711 });
  const undo: (() => Promise<unknown>)[] = [];
  try {
    onNotice('starting PostgreSQL, Redis and Kafka');
    const servers = await startServers({ dataDir: options.dataDir, fsync: options.fsync ?? true });
    undo.push(() => servers.stop());
    const operatorToken = readCredentials(options.dataDir)?.operatorToken ?? createSecret('fbo_').secret;
    const env = environmentOf(options, operatorToken, servers);
    const instances = new Map<string, Instance>();
    const start = async (service: Instance['service'], name: string, port: number): Promise<void> => {
      const onLine = (line: string): void => onNotice(`${name}: ${line}`);
      instances.set(name, await startInstance({ service, name, port, env, onLine }));
    };
    undo.push(() => stopServices([...instances.values()]));
    const wanted = serviceNames.flatMap((service) => namesOf(service, options));
    onNotice(`starting ${wanted.map(({ name }) => name).join(', ')}`);
    // The first one makes tables and topics; the others find them.
    const [first, ...others] = await Promise.all(
      wanted.map(async (each) => ({ ...each, port: await freePort() })),
    );
    if (first !== undefined) await start(first.service, first.name, first.port);
    await Promise.all(others.map(({ service, name, port }) => start(service, name, port)));
    const front = await startFront(options.port ?? 0, () => [...instances.values()]);
    undo.push(() => front.stop());
    writeCredentials(options.dataDir, { baseUrl: front.url, operatorToken });
    return {
      ...{ url: front.url, operatorToken, postgres: servers.postgres, env },
      partitions: partitionsOf(env),
      credentialsFile: credentialsFile(options.dataDir),
      get kafka() {
        return servers.kafka;
      },
      get redis() {
        return servers.redis;
      },
      get instances() {
        return [...instances.values()];
      },
      restart: async (name) => {
        if (name === 'kafka' || name === 'redis') return servers.restart(name);
        const instance = instances.get(name);
        if (instance === undefined) throw new RangeError(`There is no instance ${name}.`);
        await instance.stop();
        await start(instance.service, name, instance.port);
      },
      stop: () => undoAll(undo),
    };
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

function environmentOf(
  { dataDir, env = {} }: ClusterOptions,
  operatorToken: string,
  servers: Pick<Cluster, 'kafka' | 'redis' | 'postgres'>,
): Readonly<Record<string, string>> {
  const { connection } = servers.postgres;
  const user = `${encodeURIComponent(connection.user)}:${encodeURIComponent(connection.password)}`;
  const where = `localhost:${connection.port}/${connection.database}?host=${encodeURIComponent(connection.host)}`;
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? dataDir,
    ...(process.env['NODE_OPTIONS'] !== undefined && { NODE_OPTIONS: process.env['NODE_OPTIONS'] }),
    FIREBREAK_PROFILE: 'cluster',
    FIREBREAK_KAFKA_BROKERS: servers.kafka.bootstrap,
    FIREBREAK_KAFKA_REPLICAS: '1',
    FIREBREAK_REDIS_URL: servers.redis.url,
    FIREBREAK_POSTGRES_URL: `postgres://${user}@${where}`,
    FIREBREAK_OPERATOR_TOKEN: operatorToken,
    FIREBREAK_DATA_DIR: dataDir,
    FIREBREAK_LOG_LEVEL: 'warn',
    FIREBREAK_SAMPLE_KEYS_FILE: ensureSampleKeysFile(dataDir),
    ...env,
  };
}

function partitionsOf(env: Readonly<Record<string, string>>): number {
  const { cluster } = readConfig(env);
  if (cluster === null) throw new TypeError('These are not the variables of the cluster profile.');
  return cluster.kafka.partitions;
}

function namesOf(
  service: ServiceName,
  { instances = {} }: ClusterOptions,
): readonly { readonly service: ServiceName; readonly name: string }[] {
  const count = instances[service] ?? usualInstances[service];
  return Array.from({ length: count }, (_, index) => ({ service, name: `${service}-${index + 1}` }));
}

/** What agents speak to goes first, what writes history last: each finds behind it whom it hands its work to. */
async function stopServices(instances: readonly Instance[]): Promise<void> {
  for (const service of serviceNames.toReversed())
    await Promise.all(
      instances.filter((each) => each.service === service).map((instance) => instance.stop()),
    );
}

async function undoAll(undo: (() => Promise<unknown>)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}
