import { join } from 'node:path';
import { Redis } from 'ioredis';
import { topics } from '../../contracts/topics.ts';
import { openKafkaLog, type KafkaLog } from '../../platform/log/kafka/kafka-log.ts';
import { TopicLog } from '../../platform/log/topic-log.ts';
import { group as analyseGroup } from '../../services/analyse/sample-worker.ts';
import { classifyGroup } from '../../services/classify/report-scorer.ts';
import { consumedTopics } from '../../services/correlate/owned-partition.ts';
import { group as correlateGroup } from '../../services/correlate/group.ts';
import { recordGroup } from '../../services/record/table-writer.ts';
import { startCluster, type Cluster } from '../cluster/cluster.ts';
import { Keeper, type Kept } from './keeper.ts';
import { PostgresTarget } from './postgres-target.ts';
import { repeatRecords } from './repeat-records.ts';
import type { Fault } from './schedule.ts';
import { tortureEnvironment, whyUnready, type Subject, type SubjectOptions } from './subject.ts';
import { strikeTarget, type Target } from './target.ts';

/** Every service as processes of its own, on Kafka, Redis and PostgreSQL. */
export async function startClusterSubject({ folder, onNotice }: SubjectOptions): Promise<Subject> {
  const cluster = await startCluster({
    dataDir: join(folder, 'data'),
    env: tortureEnvironment,
    onNotice,
  });
  const crashes: string[] = [];
  const onCrash = (text: string): void => {
    crashes.push(text);
    onNotice(text);
  };
  const keepers = new Map(keptOf(cluster).map((kept) => [kept.name, new Keeper(kept, onCrash)]));
  const targets = new Map<string, Target>([
    ...keepers,
    ['postgres', new PostgresTarget(() => cluster.postgres.pid)],
  ]);
  let reading: KafkaLog | undefined;
  const openLog = async (): Promise<KafkaLog> =>
    (reading ??= await openKafkaLog({
      connection: { brokers: [cluster.kafka.bootstrap], clientId: 'firebreak-torture' },
    }));
  return {
    url: cluster.url,
    operatorToken: cluster.operatorToken,
    database: cluster.postgres.connection,
    crashes,
    strike: (fault) => strike(fault, cluster, targets),
    unready: async () => {
      const told = await Promise.all(
        cluster.instances.map(async ({ name, url }) => {
          const why = keepers.get(name)?.isRunning === true ? await whyUnready(url) : 'is not running';
          return why === null ? [] : [`${name}: ${why}`];
        }),
      );
      return told.flat();
    },
    lag: async () => {
      const log = await openLog();
      const lags = await Promise.all(groups().map(([group, names]) => log.lag(group, names)));
      return lags.flat().reduce((sum, { lag }) => sum + lag, 0);
    },
    get snapshotUrls() {
      return cluster.instances.filter(({ service }) => service === 'publish').map(({ url }) => url);
    },
    openLog: async () => {
      const log = await openLog();
      const { partitions } = cluster;
      return { log: new TopicLog(log, partitions), partitions, identity: await log.identity() };
    },
    stop: async () => {
      for (const keeper of keepers.values()) keeper.stop();
      await reading?.close();
      await cluster.stop();
    },
  };
}

async function strike(
  { kind, target, forMs, number }: Fault,
  cluster: Cluster,
  targets: ReadonlyMap<string, Target>,
): Promise<void> {
  if (kind === 'flush') return emptyRedis(cluster.redis.url);
  if (kind === 'repeat') return repeatRecords(cluster.kafka.bootstrap, `repeat ${number}`);
  await strikeTarget(targets.get(target), { kind, forMs });
}

function keptOf(cluster: Cluster): readonly Kept[] {
  const instance = (name: string) => {
    const found = cluster.instances.find((each) => each.name === name);
    if (found === undefined) throw new RangeError(`There is no instance ${name}.`);
    return found;
  };
  return [
    ...cluster.instances.map(({ name }): Kept => ({
      name,
      pids: () => [instance(name).pid],
      exited: () => instance(name).exited,
      restart: () => cluster.restart(name),
      lastWords: () => instance(name).lines().slice(-5).join(' | '),
    })),
    ...(['kafka', 'redis'] as const).map((name): Kept => ({
      name,
      pids: () => [cluster[name].pid],
      exited: () => cluster[name].exited,
      restart: () => cluster.restart(name),
      lastWords: () => 'see its log',
    })),
  ];
}

async function emptyRedis(url: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 3 });
  // Where it cannot be reached it is told so by the call; as an event it would end the process.
  redis.on('error', () => undefined);
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}

/** Every consumer group with the topics that it settles. */
function groups(): readonly (readonly [string, readonly string[]])[] {
  const { reports, verdicts, decisions, samples } = topics;
  return [
    [classifyGroup, [reports.name]],
    [correlateGroup, consumedTopics],
    [recordGroup, [reports.name, decisions.name, verdicts.name]],
    [analyseGroup, [samples.name]],
  ];
}
