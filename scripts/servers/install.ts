import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whoever comes second waits for the first, and finds the program there. */
const script = `
command -v "$1" >/dev/null && exit 0
apt-get update --quiet --quiet
exec apt-get install --quiet --quiet --yes --no-install-recommends "$2"
`;
const lock = '/tmp/firebreak-install.lock';

/**
 * Makes sure that a program is on the path: root gets it from the Debian package, everybody else is told how.
 * @throws Error that names the command to run
 */
export async function ensureProgram(program: string, debianPackage: string): Promise<void> {
  if (isOnPath(program)) return;
  const command = `apt-get install --yes ${debianPackage}`;
  if (process.getuid?.() !== 0 || !isOnPath('apt-get'))
    throw new Error(`The program ${program} is missing. On Debian: sudo ${command}`);
  process.stderr.write(`installing ${debianPackage}, for the program ${program}\n`);
  const { status, output } = await run('flock', [
    lock,
    '/bin/sh',
    '-c',
    script,
    'sh',
    program,
    debianPackage,
  ]);
  if (status === 0 && isOnPath(program)) return;
  throw new Error(`${program} could not be installed; try \`${command}\`. It said: ${output.trim()}`);
}

async function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly output: string }> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-2_000)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output }));
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
