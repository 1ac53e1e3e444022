import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { spawnGuarded } from '../../platform/process/guarded-process.ts';
import { ensureProgram } from '../servers/install.ts';

export interface Engine {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** Every container's control group is a child of the one of this name. */
  readonly cgroup: string;
  /** Resolves when the engine is gone, and with it all that it made. */
  stop(): Promise<void>;
}

/**
 * Sees only mounts of its own, so that none outlives it, and no containerd or plugin of another engine: it would use
 * them. What is left of the arguments is run.
 */
const ownMounts =
  'for folder in /run/containerd /run/docker; do [ ! -d "$folder" ] || mount -t tmpfs tmpfs "$folder" || exit; done; exec "$@"';
const startPatienceMs = 60_000;
const execute = promisify(execFile);

/**
 * Starts a Docker engine that has nothing to do with another one of this machine: its data, socket and control groups
 * are its own, and it changes neither packet filter nor forwarding. Containers reach each other and the machine's
 * loopback reaches their published ports; they do not reach further. It ends when this process ends.
 *
 * @param folder made; removed when the engine is stopped
 * @throws Error when this process is not root, or the engine does not start, with its last words
 */
export async function startEngine(folder: string): Promise<Engine> {
  if (process.getuid?.() !== 0)
    throw new Error('A Docker engine of its own takes root: sudo npm run test:compose');
  await ensureProgram('dockerd', 'docker.io');
  mkdirSync(join(folder, 'tmp'), { recursive: true, mode: 0o700 });
  // Instead of the one of the machine's own engine.
  writeFileSync(join(folder, 'daemon.json'), '{}');
  const cgroup = basename(folder);
  const host = `unix://${join(folder, 'docker.sock')}`;
  const daemon = await spawnGuarded({
    program: 'unshare',
    args: ['--mount', '/bin/sh', '-c', ownMounts, 'firebreak-engine', ...daemonCommand(folder, host, cgroup)],
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, DOCKER_TMPDIR: join(folder, 'tmp') },
    stopWithinSeconds: 60,
  });
  const engine: Engine = {
    host,
    cgroup,
    stop: async () => {
      await removeAll(host);
      await daemon.stop();
      removeCgroups(cgroup);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  let hasExited = false;
  void daemon.exited.then(() => (hasExited = true));
  const giveUpAt = Date.now() + startPatienceMs;
  while (!(await isAnswering(host))) {
    if (hasExited || Date.now() > giveUpAt) {
      await engine.stop();
      throw new Error(`The Docker engine did not start. Its last lines:\n${daemon.lines().join('\n')}`);
    }
    await sleep(200);
  }
  return engine;
}

/** @returns what the command of the docker client wrote */
export async function docker(host: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, DOCKER_HOST: host };
  const { stdout } = await execute('docker', [...args], { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

function daemonCommand(folder: string, host: string, cgroup: string): readonly string[] {
  return [
    ...['dockerd', '--config-file', join(folder, 'daemon.json'), '--host', host],
    ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'run')],
    ...['--pidfile', join(folder, 'docker.pid'), '--cgroup-parent', `/${cgroup}`],
    ...['--bridge', 'none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'],
    ...['--shutdown-timeout', '10'],
  ];
}

async function isAnswering(host: string): Promise<boolean> {
  return docker(host, ['version']).then(
    () => true,
    () => false,
  );
}

/** Networks would stay behind as interfaces of this machine. */
async function removeAll(host: string): Promise<void> {
  try {
    const containers = (await docker(host, ['ps', '--all', '--quiet'])).split('\n').filter((id) => id !== '');
    if (containers.length > 0) await docker(host, ['rm', '--force', ...containers]);
    await docker(host, ['network', 'prune', '--force']);
  } catch {
    // It never started, or it is gone already.
  }
}

/** In every hierarchy of version 1, and in the one of version 2. */
function removeCgroups(cgroup: string): void {
  const root = '/sys/fs/cgroup';
  for (const parent of [root, ...readdirSync(root).map((name) => join(root, name))]) {
    const path = join(parent, cgroup);
    if (existsSync(path)) rmdirSync(path);
  }
}
