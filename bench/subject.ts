import { startCluster } from '../scripts/cluster/cluster.ts';
import { openKafkaLog } from '../platform/log/kafka/kafka-log.ts';
import { TopicLog } from '../platform/log/topic-log.ts';
import { makeDataDir, removeDataDir, startService } from '../test/support/service-process.ts';
import { usageOf, type Usage } from './processes.ts';

/** What is measured: the service on one of its profiles, with what it stands on. */
export interface Subject {
  readonly url: string;
  readonly operatorToken: string;
  /** So far, by what used it; of ours everything but `kafka`, `redis`, `postgres` and `front`. */
  usage(): ReadonlyMap<string, Usage>;
  /** Its log, for timing a hop of it; null where it is inside the service. */
  openLog(): Promise<TopicLog> | null;
  stop(): Promise<void>;
}

/** What is not our own, or would be another one in production. */
export const foundations = ['kafka', 'redis', 'postgres', 'front'];

export async function startEmbeddedSubject(dataDir: string): Promise<Subject> {
  const service = await startService({ dataDir });
  return {
    url: service.url,
    operatorToken: service.operatorToken,
    usage: () =>
      usageOf(service.pid, ({ pid, command }) =>
        pid !== service.pid && (command === 'postgres' || command === 'sh') ? 'postgres' : 'service',
      ),
    openLog: () => null,
    stop: async () => {
      await service.stop();
      removeDataDir(dataDir);
    },
  };
}

/** @param instances of each of the services that agents wait for */
export async function startClusterSubject(
  instances: number,
  onNotice: (line: string) => void,
): Promise<Subject> {
  const dataDir = makeDataDir();
  const cluster = await startCluster({
    dataDir,
    instances: { ingest: instances, classify: instances, correlate: instances, publish: instances },
    onNotice,
  });
  const roots = () => [
    ...cluster.instances.map(({ service, pid }) => [service, pid] as const),
    ['kafka', cluster.kafka.pid] as const,
    ['redis', cluster.redis.pid] as const,
    ['postgres', cluster.postgres.pid] as const,
  ];
  return {
    url: cluster.url,
    operatorToken: cluster.operatorToken,
    usage: () => {
      const { user, system } = process.cpuUsage();
      // The address in front is served by this very process, which does little else meanwhile.
      const used = new Map<string, Usage>([['front', { cpuUs: user + system, residentBytes: 0 }]]);
      for (const [name, pid] of roots()) {
        for (const [, { cpuUs, residentBytes }] of usageOf(pid, () => name)) {
          const before = used.get(name) ?? { cpuUs: 0, residentBytes: 0 };
          used.set(name, {
            cpuUs: before.cpuUs + cpuUs,
            residentBytes: before.residentBytes + residentBytes,
          });
        }
      }
      return used;
    },
    openLog: async () => {
      const connection = { brokers: [cluster.kafka.bootstrap], clientId: 'firebreak-bench' };
      return new TopicLog(await openKafkaLog({ connection }), cluster.partitions);
    },
    stop: async () => {
      await cluster.stop();
      removeDataDir(dataDir);
    },
  };
}
