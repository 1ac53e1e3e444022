import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { Connection } from '../../platform/postgres/pool.ts';
import type { Fault } from './schedule.ts';

/** The service under torture, with what it stands on. */
export interface Subject {
  readonly url: string;
  readonly operatorToken: string;
  /** As its owner. */
  readonly database: Connection;
  /** Does it; resolves when it is over and the target runs again. */
  strike(fault: Fault): Promise<void>;
  /** What ended though nobody killed it. */
  readonly crashes: readonly string[];
  /** @returns what is not ready, by name, with why; none: all is well */
  unready(): Promise<readonly string[]>;
  /** @returns records that consumer groups have not settled, of all groups together */
  lag(): Promise<number>;
  /** Every instance that serves snapshots, by its own address. */
  readonly snapshotUrls: readonly string[];
  /** The log, to be read; where only one process may open it, the service is stopped for that. */
  openLog(): Promise<OpenedLog>;
  stop(): Promise<void>;
}

export interface OpenedLog {
  readonly log: TopicLog;
  readonly partitions: number;
  readonly identity: string;
}

/** What a subject is started with. */
export interface SubjectOptions {
  /** For all data; made and removed by the caller. */
  readonly folder: string;
  readonly onNotice: (line: string) => void;
}

/** Shorter than usual, so that a run of minutes sees many of what happens once in a while. */
export const tortureEnvironment: Readonly<Record<string, string>> = {
  FIREBREAK_CHANGELOG_INTERVAL_MS: '10000',
  FIREBREAK_PING_MS: '2000',
};

/** @returns what keeps an instance from being ready; null when nothing does */
export async function whyUnready(url: string): Promise<string | null> {
  try {
    const reply = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(3000) });
    return reply.ok ? null : await reply.text();
  } catch (error) {
    return String(error);
  }
}
