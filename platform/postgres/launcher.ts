import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { canEnter, canRun, copyBinaries, linkLibraries, packageFolder, type Binaries } from './binaries.ts';
import {
  clusterFolder,
  databaseUser,
  ensurePassword,
  initializeCluster,
  makeSocketFolder,
  serverArguments,
  socketPort,
} from './cluster.ts';
import { asFolderError, openDataFolder } from './data-folder.ts';
import { ensureDatabase } from './database.ts';
import { chooseOsUser, type OsUser } from './os-user.ts';
import type { Connection } from './pool.ts';
import { startServer } from './server-process.ts';
import { Supervisor, type SupervisorNotice } from './supervisor.ts';

export type PostgresNotice =
  | SupervisorNotice
  /** The user that PostgreSQL runs as cannot reach the place asked for; `to` is used instead. */
  | {
      readonly kind: 'moved';
      readonly what: 'programs' | 'data';
      readonly to: string;
      readonly user: string;
    };

export interface PostgresOptions {
  readonly dataDir: string;
  /** False only where losing the data in a power cut does not matter, as in tests. */
  readonly fsync?: boolean;
  /** Further settings of the server; they win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly onNotice?: (notice: PostgresNotice) => void;
}

export interface Postgres {
  readonly connection: Connection;
  /** Of the server; another one after a restart. */
  readonly pid: number;
  /** Where the data really is; see the notice `moved`. */
  readonly dataDir: string;
  stop(): Promise<void>;
}

/** Where root keeps what the user that PostgreSQL runs as could not reach below a private home folder. */
const systemHome = '/var/lib/firebreak';

/**
 * Starts the built-in PostgreSQL on a Unix socket, creates its data on first use, and starts it again when it dies.
 * When this process dies, even by kill -9, the server stops by itself.
 *
 * @throws FB_DATA_READ_ONLY, FB_DATA_FOREIGN, FB_DATA_NEWER, FB_DATA_IN_USE, FB_POSTGRES_START
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const fsync = options.fsync ?? true;
  const notify = options.onNotice ?? (() => undefined);
  const asked = resolve(options.dataDir);
  const dataDir = reachableDataDir(asked, chooseOsUser(clusterFolder(asked)), notify);
  const user = chooseOsUser(clusterFolder(dataDir));
  const folder = openDataFolder(dataDir);
  try {
    // PostgreSQL's user passes through the folder; what it may read there it owns.
    if (user !== undefined) chmodSync(dataDir, 0o711);
    const binaries = linkLibraries(reachablePackage(user, notify), join(dataDir, 'lib'));
    const password = ensurePassword(dataDir, user);
    const cluster = realpathSync(initializeCluster(dataDir, binaries, user, fsync));
    const socketFolder = makeSocketFolder(dataDir, user);
    const supervisor = await supervise(binaries, cluster, socketFolder, user, options, notify);
    const connection = {
      host: socketFolder,
      port: socketPort,
      user: databaseUser,
      password,
      database: databaseUser,
    };
    const stop = async (): Promise<void> => {
      await supervisor.stop();
      if (dirname(socketFolder) !== dataDir) rmSync(socketFolder, { recursive: true, force: true });
      folder.release();
    };
    await ensureDatabase(connection, databaseUser).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    return {
      connection,
      dataDir,
      stop,
      get pid() {
        return supervisor.pid;
      },
    };
  } catch (error) {
    folder.release();
    throw asFolderError(dataDir, error);
  }
}

async function supervise(
  binaries: Binaries,
  cluster: string,
  socketFolder: string,
  user: OsUser | undefined,
  { fsync = true, settings = {} }: PostgresOptions,
  notify: (notice: PostgresNotice) => void,
): Promise<Supervisor> {
  const args = serverArguments(cluster, socketFolder, fsync, settings);
  const start = () => startServer({ postgres: binaries.postgres, args, env: binaries.env, cluster, user });
  return new Supervisor(await start(), start, notify);
}

/** Modes of folders that are not ours are left alone: a private home stays private, and the data goes elsewhere. */
function reachableDataDir(
  asked: string,
  user: OsUser | undefined,
  notify: (notice: PostgresNotice) => void,
): string {
  const nearest = nearestExisting(dirname(asked));
  if (user === undefined || !statSync(nearest).isDirectory() || canEnter(nearest, user)) return asked;
  const digest = createHash('sha256').update(asked).digest('hex').slice(0, 8);
  const to = join(makeSystemHome(), `${basename(dirname(asked))}-${digest}`);
  notify({ kind: 'moved', what: 'data', to, user: user.name });
  return to;
}

function reachablePackage(user: OsUser | undefined, notify: (notice: PostgresNotice) => void): string {
  const folder = packageFolder();
  if (user === undefined || canRun(folder, user)) return folder;
  const to = copyBinaries(folder, makeSystemHome());
  notify({ kind: 'moved', what: 'programs', to, user: user.name });
  return to;
}

function makeSystemHome(): string {
  mkdirSync(systemHome, { recursive: true });
  chmodSync(systemHome, 0o755);
  return systemHome;
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}
