import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { openDataFolder, processIdentity } from '../../../platform/postgres/data-folder.ts';
import { makeHome } from './server.ts';

const moduleUrl = pathToFileURL(
  fileURLToPath(new URL('../../../platform/postgres/data-folder.ts', import.meta.url)),
).href;
const { home, remove } = makeHome();
afterAll(remove);

let made = 0;
const newPath = (): string => join(home, `folder-${made++}`);

/** Another process that opens the folder, says so or why not, and stays until it is told to go. */
async function openElsewhere(
  path: string,
  asNobody = false,
): Promise<{ said: string; pid: number; kill: () => Promise<void> }> {
  const script = `
    const { openDataFolder } = await import(${JSON.stringify(moduleUrl)});
    try { openDataFolder(${JSON.stringify(path)}); console.log('opened'); } catch (error) { console.log(error.code); }
    setInterval(() => undefined, 1_000);`;
  const identity = asNobody && process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...identity,
  });
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return { said: said.trim(), pid: child.pid ?? 0, kill };
}

describe('the data folder', () => {
  test('is created, marked, held, and free again after release', () => {
    const path = join(newPath(), 'deep');
    const folder = openDataFolder(path);
    expect(readFileSync(join(path, 'VERSION'), 'utf8')).toMatch(/^firebreak-data \d+\n$/);
    expect(existsSync(join(path, 'owner.pid'))).toBe(true);
    folder.release();
    expect(existsSync(join(path, 'owner.pid'))).toBe(false);
    openDataFolder(path).release();
  });

  test('that holds files of somebody else is refused and left as it is', () => {
    const path = newPath();
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.txt'), 'years of work');
    expect(() => openDataFolder(path)).toThrow(expect.objectContaining({ code: 'FB_DATA_FOREIGN' }));
    expect(existsSync(join(path, 'VERSION'))).toBe(false);
  });

  test('that is a file, or lies below one, is refused', () => {
    const path = newPath();
    writeFileSync(path, '');
    expect(() => openDataFolder(path)).toThrow(expect.objectContaining({ code: 'FB_DATA_FOREIGN' }));
    expect(() => openDataFolder(join(path, 'below'))).toThrow(
      expect.objectContaining({ code: 'FB_DATA_FOREIGN' }),
    );
  });

  test('of a newer version is refused with its number', () => {
    const path = newPath();
    openDataFolder(path).release();
    writeFileSync(join(path, 'VERSION'), 'firebreak-data 1000\n');
    expect(() => openDataFolder(path)).toThrow(
      expect.objectContaining({ code: 'FB_DATA_NEWER', message: expect.stringContaining('1000') }),
    );
  });

  test('that cannot be written is refused', async () => {
    const path = newPath();
    mkdirSync(path);
    chmodSync(path, 0o555);
    const other = await openElsewhere(join(path, 'data'), true);
    await other.kill();
    expect(other.said).toBe('FB_DATA_READ_ONLY');
  });

  test('in use by another process is refused with the number of that process, until it dies', async () => {
    const path = newPath();
    const other = await openElsewhere(path);
    expect(other.said).toBe('opened');
    expect(() => openDataFolder(path)).toThrow(
      expect.objectContaining({
        code: 'FB_DATA_IN_USE',
        message: expect.stringContaining(String(other.pid)),
      }),
    );
    await other.kill();
    openDataFolder(path).release();
  });

  test('held by a process number that now belongs to somebody else is free', () => {
    const path = newPath();
    openDataFolder(path).release();
    writeFileSync(join(path, 'owner.pid'), `${process.ppid} 1\n`);
    expect(processIdentity(process.ppid)).not.toBe(`${process.ppid} 1`);
    openDataFolder(path).release();
  });
});
