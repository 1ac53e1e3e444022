import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FirebreakError } from '../../contracts/errors.ts';
import type { Binaries } from './binaries.ts';
import type { OsUser } from './os-user.ts';

export const databaseUser = 'firebreak';
/** Names the socket file only; nothing listens on TCP. */
export const socketPort = 5432;
const longestSocketPathBytes = 107;

/** @returns where the database files lie in a data folder */
export function clusterFolder(folder: string): string {
  return join(folder, 'pg');
}

/** @returns the password of the database user, made on first use and readable by this user alone */
export function ensurePassword(folder: string, user: OsUser | undefined): string {
  const file = join(folder, 'password');
  if (!existsSync(file))
    writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600, flag: 'wx' });
  chmodSync(file, 0o600);
  own(file, user);
  return readFileSync(file, 'utf8').trim();
}

/**
 * Creates the database files unless they are there. They get their name only when they are complete, so a start that
 * is killed half-way leaves nothing that looks like a database.
 *
 * @returns the folder of the database files
 */
export function initializeCluster(
  folder: string,
  binaries: Binaries,
  user: OsUser | undefined,
  fsync: boolean,
): string {
  const cluster = clusterFolder(folder);
  if (existsSync(cluster)) {
    checkMajorVersion(cluster, binaries.majorVersion);
    return cluster;
  }
  const partial = `${cluster}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { mode: 0o700 });
  own(partial, user);
  const args = [
    '-D',
    partial,
    '-U',
    databaseUser,
    '-A',
    'scram-sha-256',
    `--pwfile=${join(folder, 'password')}`,
  ];
  const made = spawnSync(
    binaries.initdb,
    [...args, '-E', 'UTF8', '--locale=C', ...(fsync ? [] : ['--no-sync'])],
    {
      cwd: '/',
      env: { ...binaries.env },
      encoding: 'utf8',
      ...(user && { uid: user.uid, gid: user.gid }),
    },
  );
  if (made.status !== 0) {
    const reason = (made.error?.message ?? made.stderr).trim().replaceAll('\n', ' | ');
    throw new FirebreakError(
      'FB_POSTGRES_START',
      `The database files in ${folder} could not be created: ${reason}`,
    );
  }
  renameSync(partial, cluster);
  return cluster;
}

function checkMajorVersion(cluster: string, known: number): void {
  const found = Number.parseInt(readFileSync(join(cluster, 'PG_VERSION'), 'utf8'), 10);
  if (found === known) return;
  throw new FirebreakError(
    found > known ? 'FB_DATA_NEWER' : 'FB_POSTGRES_START',
    `The database files in ${cluster} are of PostgreSQL ${found} and this version brings PostgreSQL ${known}: start the version of Firebreak that wrote them, or choose another folder with FIREBREAK_DATA_DIR.`,
  );
}

/** @returns a folder that only this user can enter, short enough for a Unix socket */
export function makeSocketFolder(folder: string, user: OsUser | undefined): string {
  const wanted = join(folder, 'socket');
  const fits = Buffer.byteLength(join(wanted, `.s.PGSQL.${socketPort}`)) <= longestSocketPathBytes;
  const made = fits ? wanted : mkdtempSync(join(tmpdir(), 'firebreak-'));
  mkdirSync(made, { recursive: true });
  chmodSync(made, 0o700);
  own(made, user);
  return made;
}

/** @returns the arguments of the server: one machine, few connections, nothing on the network */
export function serverArguments(
  cluster: string,
  socketFolder: string,
  fsync: boolean,
  further: Readonly<Record<string, string>> = {},
): readonly string[] {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: socketFolder,
    port: socketPort,
    // A dozen processes share it where the cluster profile is tried on one machine.
    max_connections: 120,
    shared_buffers: '128MB',
    max_wal_size: '512MB',
    wal_level: 'minimal',
    max_wal_senders: 0,
    // Workers would only move reads of one row through another process.
    io_method: 'sync',
    jit: 'off',
    max_parallel_workers_per_gather: 0,
    log_checkpoints: 'off',
    log_statement: 'none',
    log_parameter_max_length_on_error: 0,
    timezone: 'UTC',
    ...(fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...further,
  };
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** Gives a file or folder of ours to the user that PostgreSQL runs as. */
export function own(path: string, user: OsUser | undefined): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}
