import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Makes sure that a program is on the path: root gets it from the Debian package, everybody else is told how.
 * Installations at the same time wait for each other by the lock that dpkg itself takes.
 * @throws Error that names the command to run
 */
export async function ensureProgram(program: string, debianPackage: string): Promise<void> {
  if (isOnPath(program)) return;
  const command = `apt-get install --yes --no-install-recommends ${debianPackage}`;
  if (process.getuid?.() !== 0 || !isOnPath('apt-get'))
    throw new Error(`The program ${program} is missing. Install it, on Debian: sudo ${command}`);
  process.stderr.write(`installing ${debianPackage}, for the program ${program}\n`);
  spawnSync('apt-get', ['update', '--quiet', '--quiet'], { stdio: 'ignore' });
  const status = await runQuietly(command.split(' '));
  if (status !== 0 || !isOnPath(program))
    throw new Error(`${program} could not be installed: \`${command}\` ended with ${status}`);
}

async function runQuietly(command: readonly string[]): Promise<number | null> {
  const args = ['-o', 'DPkg::Lock::Timeout=300', ...command.slice(1)];
  const child = spawn('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
