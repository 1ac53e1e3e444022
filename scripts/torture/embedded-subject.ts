import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultLimits } from '../../contracts/limits.ts';
import { databaseUser, socketPort } from '../../platform/postgres/cluster.ts';
import { createClient, type Connection } from '../../platform/postgres/pool.ts';
import { createSecret } from '../../platform/postgres/secret.ts';
import { createLogger } from '../../platform/telemetry/logger.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { createHostEvents } from '../../services/host/events.ts';
import { EmbeddedPlatform } from '../../services/host/embedded-platform.ts';
import { startInstance } from '../cluster/instance.ts';
import { freePort } from '../servers/free-port.ts';
import { familyOf } from '../servers/process-family.ts';
import { Keeper } from './keeper.ts';
import { PostgresTarget } from './postgres-target.ts';
import { tortureEnvironment, whyUnready, type Subject, type SubjectOptions } from './subject.ts';
import { strikeTarget, type Target } from './target.ts';

/** The whole service in one process, with the PostgreSQL that it brings. */
export async function startEmbeddedSubject({ folder, onNotice }: SubjectOptions): Promise<Subject> {
  const dataDir = join(folder, 'data');
  const { secret: operatorToken } = createSecret('fbo_');
  const port = await freePort();
  const launch = () =>
    startInstance({
      ...{ service: 'all-in-one', name: 'service', port },
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? folder,
        FIREBREAK_DATA_DIR: dataDir,
        FIREBREAK_OPERATOR_TOKEN: operatorToken,
        FIREBREAK_LOG_LEVEL: 'warn',
        ...tortureEnvironment,
      },
      onLine: (line) => onNotice(`service: ${line}`),
    });
  let service = await launch();
  const crashes: string[] = [];
  const keeper = new Keeper(
    {
      name: 'service',
      pids: () => [service.pid],
      exited: () => service.exited,
      restart: async () => {
        await service.stop();
        service = await launch();
      },
      lastWords: () => service.lines().slice(-5).join(' | '),
    },
    (text) => {
      crashes.push(text);
      onNotice(text);
    },
  );
  const targets = new Map<string, Target>([
    ['service', keeper],
    ['postgres', new PostgresTarget(() => postmasterBelow(service.pid))],
  ]);
  const database = connectionTo(dataDir);
  let platform: EmbeddedPlatform | undefined;
  return {
    ...{ url: service.url, operatorToken, database, crashes },
    strike: ({ kind, target, forMs }) => strikeTarget(targets.get(target), { kind, forMs }),
    unready: async () => {
      const why = keeper.isRunning ? await whyUnready(service.url) : 'is not running';
      return why === null ? [] : [`service: ${why}`];
    },
    lag: () => lagOf(database),
    snapshotUrls: [service.url],
    openLog: async () => {
      if (platform === undefined) {
        keeper.stop();
        await service.stop();
        const logger = createLogger({ name: 'torture', level: 'silent' });
        platform = new EmbeddedPlatform(dataDir, defaultLimits, createHostEvents(createMetrics(), logger));
        await platform.start();
      }
      const { topicLog: log, partitions, logIdentity: identity } = platform;
      return { log, partitions, identity };
    },
    stop: async () => {
      keeper.stop();
      await service.stop();
      await platform?.stop();
    },
  };
}

function connectionTo(dataDir: string): Connection {
  return {
    host: join(dataDir, 'socket'),
    port: socketPort,
    user: databaseUser,
    password: readFileSync(join(dataDir, 'password'), 'utf8').trim(),
    database: databaseUser,
  };
}

/** The PostgreSQL process whose parent is none. */
function postmasterBelow(service: number): number | null {
  const servers = familyOf(service).filter(({ command }) => command === 'postgres');
  const pids = new Set(servers.map(({ pid }) => pid));
  return servers.find(({ parent }) => !pids.has(parent))?.pid ?? null;
}

/** The log is open in the service alone; what it stores of its groups can be read by anybody. */
async function lagOf(database: Connection): Promise<number> {
  const client = createClient({ ...database, database: 'firebreak_log' }, 'firebreak-torture-lag');
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ lag: number }>(
      `select coalesce(sum(p.next_offset - g.next_offset), 0)::float8 as lag
         from group_offset g join topic_partition p using (topic_id, partition)`,
    );
    return rows[0]?.lag ?? 0;
  } finally {
    await client.end();
  }
}
