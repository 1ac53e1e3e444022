import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { FirebreakError } from '../../contracts/errors.ts';

/** Raised when the layout of the folder changes in a way that older code must not touch. */
const formatVersion = 1;
const versionFile = 'VERSION';
const ownerFile = 'owner.pid';

export interface DataFolder {
  readonly path: string;
  release(): void;
}

/**
 * Makes the folder ours or refuses it: creates it when it is not there, marks it with its format when it is empty,
 * and holds it for this process until `release`.
 *
 * @throws FB_DATA_READ_ONLY, FB_DATA_FOREIGN, FB_DATA_NEWER, FB_DATA_IN_USE
 */
export function openDataFolder(path: string): DataFolder {
  try {
    makeFolder(path);
    checkVersion(path);
    hold(path);
  } catch (error) {
    throw asFolderError(path, error);
  }
  return { path, release: () => rmSync(join(path, ownerFile), { force: true }) };
}

/** With the folders above it. Node's own recursive way never ends where the system answers ENOENT for a folder that is there, as below `/proc`. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o711 });
}

function checkVersion(path: string): void {
  const file = join(path, versionFile);
  if (!existsSync(file)) {
    if (readdirSync(path).length > 0) throw foreign(path);
    writeFileSync(file, `firebreak-data ${formatVersion}\n`, { flag: 'wx' });
    return;
  }
  const found = /^firebreak-data (\d+)\n?$/.exec(readFileSync(file, 'utf8'))?.[1];
  if (found === undefined) throw foreign(path);
  if (Number(found) > formatVersion) {
    throw new FirebreakError(
      'FB_DATA_NEWER',
      `The data folder ${path} was written by a newer version (format ${found}, this one knows ${formatVersion}): start that version, or choose another folder with FIREBREAK_DATA_DIR.`,
    );
  }
}

/** The PostgreSQL lock file is the last instance; this one lets us name the process that is in the way. */
function hold(path: string): void {
  const file = join(path, ownerFile);
  const owner = readOwner(file);
  if (owner !== undefined && owner !== processIdentity(process.pid)) {
    const pid = Number(owner.split(' ')[0]);
    if (processIdentity(pid) === owner) {
      throw new FirebreakError(
        'FB_DATA_IN_USE',
        `The data folder ${path} is in use by process ${pid}: stop that process first, or choose another folder with FIREBREAK_DATA_DIR.`,
      );
    }
  }
  rmSync(file, { force: true });
  const handle = openSync(file, 'wx', 0o644);
  writeFileSync(handle, `${processIdentity(process.pid) ?? process.pid}\n`);
  closeSync(handle);
}

function readOwner(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

/**
 * A process id alone does not identify a process: in a restarted container the same numbers come back within seconds.
 *
 * @returns id and, where the system tells, start time; `undefined` when there is no such process or only its remains
 */
export function processIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in field 2 may hold spaces, so fields are counted behind its bracket: state is the 3rd, start the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const startTicks = fields[19] ?? '';
    return `${pid} ${startTicks}`;
  } catch {
    return existsSync('/proc/self/stat') || !isAlive(pid) ? undefined : String(pid);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function foreign(path: string): FirebreakError {
  return new FirebreakError(
    'FB_DATA_FOREIGN',
    `The folder ${path} holds files that are not Firebreak's: choose an empty folder with FIREBREAK_DATA_DIR.`,
  );
}

/** @returns the operational error where the system refused us the folder; any other error as it is */
export function asFolderError(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOENT') {
    const detail = `The data folder ${path} cannot be written: make it writable for this user, or choose another with FIREBREAK_DATA_DIR.`;
    return new FirebreakError('FB_DATA_READ_ONLY', detail, { cause: error });
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    const detail = `The path ${path} leads over a file that is no folder: choose another with FIREBREAK_DATA_DIR.`;
    return new FirebreakError('FB_DATA_FOREIGN', detail, { cause: error });
  }
  return error;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
