import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog, type EmbeddedLog } from '../../platform/log/embedded/embedded-log.ts';
import type { EmbeddedLogEvent, EmbeddedLogOptions } from '../../platform/log/embedded/settings.ts';
import { createPool, type Connection } from '../../platform/postgres/pool.ts';
import { startPostgres } from '../../platform/postgres/launcher.ts';

export interface TestLog {
  readonly log: EmbeddedLog;
  readonly connection: Connection;
  readonly events: readonly EmbeddedLogEvent[];
  /** Closes the log and opens it again, with other options where given. */
  restart(options?: Partial<EmbeddedLogOptions>): Promise<void>;
  /** Ends all sessions of the log in the server, in the middle of whatever they do. */
  disturb(): Promise<void>;
  /** Ends the session that is the writer, so that another may become it. */
  unseat(): Promise<void>;
  stop(): Promise<void>;
}

/** The embedded log on a real server, its data in a folder of its own. */
export async function startTestLog(options: Partial<EmbeddedLogOptions> = {}): Promise<TestLog> {
  const home = mkdtempSync(join(tmpdir(), 'firebreak-log-'));
  // A server that runs as another user than root must be able to pass.
  chmodSync(home, 0o711);
  const postgres = await startPostgres({ dataDir: join(home, 'data'), fsync: false });
  const admin = createPool(postgres.connection, { name: 'test-admin', connections: 1 });
  const events: EmbeddedLogEvent[] = [];
  const open = (changed: Partial<EmbeddedLogOptions>): Promise<EmbeddedLog> =>
    openEmbeddedLog({
      connection: postgres.connection,
      onEvent: (event) => events.push(event),
      ...options,
      ...changed,
    });
  let log = await open({});
  return {
    get log() {
      return log;
    },
    connection: postgres.connection,
    events,
    restart: async (changed = {}) => {
      await log.close();
      log = await open(changed);
    },
    disturb: async () => {
      await admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'firebreak-log-%'",
      );
    },
    unseat: async () => {
      await admin.query(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted",
      );
    },
    stop: async () => {
      await log.close();
      await admin.end();
      await postgres.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
