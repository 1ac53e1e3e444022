import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type Postgres } from '../../../platform/postgres/launcher.ts';

/** @returns a new folder that another user than ours can pass through, and how to remove it */
export function makeHome(): { readonly home: string; readonly remove: () => void } {
  const home = mkdtempSync(join(tmpdir(), 'firebreak-postgres-'));
  chmodSync(home, 0o711);
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** An empty server with its data in a folder of its own. */
export async function startServer(): Promise<{
  readonly postgres: Postgres;
  readonly stop: () => Promise<void>;
}> {
  const { home, remove } = makeHome();
  const postgres = await startPostgres({ dataDir: join(home, 'data'), fsync: false });
  return {
    postgres,
    stop: async () => {
      await postgres.stop();
      remove();
    },
  };
}
