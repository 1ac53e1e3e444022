import type { Part } from '../../platform/lifecycle/part.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { Connection, DatabasePool } from '../../platform/postgres/pool.ts';
import type { PoolUsage } from '../../platform/postgres/pools.ts';
import type { RoleName } from '../../platform/postgres/roles.ts';
import type { Signals } from '../../platform/signals/signals.ts';

/** What services stand on: a part that starts before all of them and stops after them. Nothing above it knows the profile. */
export interface Platform extends Part {
  /** Where this process keeps what is its own, such as the operator's token of the first start. */
  readonly dataDir: string;
  /** Of every topic. */
  readonly partitions: number;
  readonly topicLog: TopicLog;
  /** Tells this log from any other: cursors of another one are refused. */
  readonly logIdentity: string;
  /** A pool of its own for each user, so that nobody waits for another's work; the platform ends it. */
  pool(role: RoleName, name: string, connections: number): DatabasePool;
  poolUsage(): readonly PoolUsage[];
  /** Who may do everything to the database: for tools. Services have roles. */
  readonly owner: Connection;
  /** Called once in a process; the platform closes it. */
  openSignals(): Promise<Signals>;
}
