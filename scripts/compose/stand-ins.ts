import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFolder } from '../../platform/postgres/binaries.ts';
import { ensureProgram } from '../servers/install.ts';
import { ensureKafkaLibraries } from '../servers/kafka/libraries.ts';
import { runToEnd } from './run.ts';

/** The tag of each image that is asked for. */
export type ImageNames = Readonly<Record<'node' | 'kafka' | 'redis' | 'nginx' | 'postgres', string>>;

export interface StandInOptions {
  /** Of the Docker engine that gets the images. */
  readonly host: string;
  /** For what they are made of. */
  readonly folder: string;
  readonly images: ImageNames;
  readonly onNotice: (line: string) => void;
}

const recipe = fileURLToPath(new URL('stand-ins', import.meta.url));
const debian = 'firebreak-stand-in/debian';
const suite = 'bookworm';
/** What Node 20 comes with. */
const npm = 'npm@10';
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Makes images under the names of official ones, where none can be pulled, from Debian's packages, npm's and Maven's.
 * @throws Error with the last lines of the command that failed
 */
export async function buildStandIns({ host, folder, images, onNotice }: StandInOptions): Promise<void> {
  onNotice(`making a Debian ${suite}`);
  await makeDebian(host, folder);
  onNotice('fetching Node, npm and Kafka');
  const context = join(folder, 'context');
  cpSync(recipe, context, { recursive: true });
  await addNode(context, versionOf(images.node));
  // The built-in PostgreSQL: its version is that of the image.
  cpSync(join(packageFolder(), 'native'), join(context, 'postgres', 'native'), { recursive: true });
  cpSync(await ensureKafkaLibraries(onNotice), join(context, 'kafka', 'libs'), { recursive: true });
  for (const [target, tag] of Object.entries(images)) {
    onNotice(`building a stand-in for ${tag}`);
    await build(host, context, ['--target', target, '--tag', tag, '--build-arg', `DEBIAN=${debian}`]);
  }
}

/**
 * Builds an image in the machine's own network. The builder without BuildKit is the one that every client has.
 * @param context folder of the Dockerfile
 */
export async function build(host: string, context: string, args: readonly string[]): Promise<void> {
  const env = { DOCKER_HOST: host, DOCKER_BUILDKIT: '0' };
  await runToEnd('docker', ['build', '--network', 'host', ...args, '.'], { cwd: context, env });
}

async function makeDebian(host: string, folder: string): Promise<void> {
  await ensureProgram('mmdebstrap', 'mmdebstrap');
  const archive = join(folder, 'debian.tar');
  // The certificates that this machine trusts: its way to a registry may lead over a proxy with one of its own.
  const hooks = existsSync(certificates)
    ? [`--customize-hook=mkdir -p "$1${dirname(certificates)}"; cp -L ${certificates} "$1${certificates}"`]
    : [];
  await runToEnd('mmdebstrap', ['--variant=minbase', ...hooks, suite, archive], { cwd: folder });
  await runToEnd('docker', ['import', archive, debian], { cwd: folder, env: { DOCKER_HOST: host } });
  rmSync(archive);
}

/** The official program, as npm carries it, and npm with the settings of this machine, without its secrets. */
async function addNode(context: string, version: string): Promise<void> {
  const target = join(context, 'node');
  for (const [name, to] of [
    [`node-linux-${process.arch}@${version}`, 'program'],
    [npm, join('lib', 'node_modules', 'npm')],
  ] as const) {
    const packed = join(context, 'packed');
    const into = join(target, to);
    mkdirSync(packed);
    mkdirSync(into, { recursive: true });
    await runToEnd('npm', ['pack', name, '--pack-destination', packed], { cwd: context });
    await runToEnd(
      '/bin/sh',
      ['-c', 'tar -xzf "$1"/*.tgz -C "$2" --strip-components 1', 'sh', packed, into],
      {
        cwd: context,
      },
    );
    rmSync(packed, { recursive: true });
  }
  mkdirSync(join(target, 'bin'));
  cpSync(join(target, 'program', 'bin', 'node'), join(target, 'bin', 'node'));
  rmSync(join(target, 'program'), { recursive: true });
  const settings = await runToEnd('npm', ['config', 'get', 'registry', 'proxy', 'https-proxy', 'noproxy'], {
    cwd: context,
  });
  const known = settings.split('\n').filter((line) => /^[a-z-]+ ?= ?./.test(line) && !/= ?null$/.test(line));
  if (existsSync(certificates)) known.push(`cafile=${certificates}`);
  mkdirSync(join(target, 'etc'));
  writeFileSync(join(target, 'etc', 'npmrc'), `${known.join('\n')}\n`);
}

function versionOf(image: string): string {
  const version = /:(\d+\.\d+\.\d+)/.exec(image)?.[1];
  if (version === undefined) throw new Error(`${image} does not name a version of three numbers.`);
  return version;
}
