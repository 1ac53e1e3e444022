import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/**
 * Installs a package unless somebody did while we waited for the lock. Debian starts the service of a package that it
 * installs, unless policy-rc.d forbids it: without one, ours stands there meanwhile.
 */
const installScript = `
program=$1
package=$2
policy=/usr/sbin/policy-rc.d
command -v "$program" >/dev/null && exit
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update --quiet --quiet
apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$package"
`;

/**
 * Makes sure that a program is on the path: root gets it from the Debian package, everybody else is told how. No
 * service of the package is started. Whoever installs at the same time waits for the other.
 *
 * @throws Error that names the command to run
 */
export async function ensureProgram(program: string, debianPackage: string): Promise<void> {
  if (isOnPath(program)) return;
  const command = `apt-get install --yes --no-install-recommends ${debianPackage}`;
  if (process.getuid?.() !== 0 || !isOnPath('apt-get'))
    throw new Error(`The program ${program} is missing. Install it, on Debian: sudo ${command}`);
  process.stderr.write(`installing ${debianPackage}, for the program ${program}\n`);
  const status = await installUnderLock(program, debianPackage);
  if (status !== 0 || !isOnPath(program))
    throw new Error(`${program} could not be installed: \`${command}\` ended with ${String(status)}`);
}

/** @returns the exit status, or null when a signal ended it */
async function installUnderLock(program: string, debianPackage: string): Promise<number | null> {
  const lock = join(tmpdir(), 'firebreak-install.lock');
  const child = spawn(
    'flock',
    [lock, '/bin/sh', '-c', installScript, 'firebreak-install', program, debianPackage],
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } },
  );
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
