export interface ServerPorts {
  readonly client: number;
  readonly controller: number;
  /** What clients are told to connect to. */
  readonly advertised: number;
}

/** One node that is broker and controller, on the loopback interface only. Paths are relative to its working folder. */
function defaults(ports: ServerPorts, logFolder: string): Record<string, string | number> {
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `BROKER://127.0.0.1:${ports.client},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `BROKER://127.0.0.1:${ports.advertised}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'log.dirs': logFolder,
    'auto.create.topics.enable': 'false',
    'default.replication.factor': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    // A group that has been away for long goes on where it was: ten years.
    'offsets.retention.minutes': 10 * 365 * 24 * 60,
    // Joins are answered at once, and a member that vanished is missed soon where the consumer asks for it.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 500,
    // A killed broker may not come back before its session has ended.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    // Compaction and retention are seen within seconds where a topic asks for them.
    'log.cleaner.backoff.ms': 200,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'log.retention.check.interval.ms': 5_000,
    'log.initial.task.delay.ms': 1_000,
    // One node without replicas needs few threads.
    'num.network.threads': 2,
    'num.io.threads': 4,
    'background.threads': 2,
  };
}

/**
 * @param logFolder of Kafka's own log, relative to the working folder
 * @param settings of the caller, which win
 * @returns the text of server.properties
 * @throws Error when a setting would break its line
 */
export function serverProperties(
  ports: ServerPorts,
  logFolder: string,
  settings: Readonly<Record<string, string>>,
): string {
  return Object.entries({ ...defaults(ports, logFolder), ...settings })
    .map(([key, value]) => {
      const line = `${key}=${value}`;
      if (/[\r\n\\]/.test(line)) throw new Error(`The Kafka setting ${key} has a line break or a backslash.`);
      return `${line}\n`;
    })
    .join('');
}
