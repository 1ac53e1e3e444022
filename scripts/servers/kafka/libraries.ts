import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureProgram } from '../install.ts';

/** As in pom.xml. */
export const kafkaVersion = '4.2.0';

const pom = fileURLToPath(new URL('pom.xml', import.meta.url));
const checksums = fileURLToPath(new URL('jars.sha256', import.meta.url));
/** Holds the digest of the list that the jars beside it were checked against. */
const markerName = 'verified';

/**
 * The jars of Kafka, fetched once by Maven, so that the user's own settings and mirrors hold, and checked against the
 * list in this folder.
 * @param onProgress takes a line about work that lasts
 * @returns the folder of the jars
 * @throws Error when a jar is not the one of the list, or Maven fails
 */
export async function ensureKafkaLibraries(onProgress: (line: string) => void): Promise<string> {
  const folder = join(cacheFolder(), `kafka-${kafkaVersion}`);
  if (!existsSync(folder)) await fetchLibraries(folder, onProgress);
  await verifyLibraries(folder, checksums);
  return folder;
}

/** @returns where what can be fetched again is kept, outside of the checkout */
export function cacheFolder(): string {
  const asked = process.env['XDG_CACHE_HOME'];
  return join(asked === undefined || asked === '' ? join(homedir(), '.cache') : asked, 'firebreak');
}

/**
 * Reads every jar once; a marker keeps later calls cheap until the list changes.
 * @param list file of lines as `sha256sum` writes them
 * @throws Error that names the first jar that is missing, unknown or not the one of the list
 */
export async function verifyLibraries(folder: string, list: string): Promise<void> {
  const text = await readFile(list, 'utf8');
  const marker = join(folder, markerName);
  const digest = sha256(text);
  if (existsSync(marker) && readFileSync(marker, 'utf8') === digest) return;
  const remedy = `Remove ${folder} and run again. If that does not help, the Maven repository in use holds another file: remove it from the local one (~/.m2/repository), and distrust the mirror.`;
  const expected = new Map(text.split('\n').flatMap(parseLine));
  const found = readdirSync(folder).filter((name) => name.endsWith('.jar'));
  const unknown = found.find((name) => !expected.has(name));
  if (unknown !== undefined) throw new Error(`${unknown} is not one of the jars of Kafka. ${remedy}`);
  for (const [name, wanted] of expected) {
    if (!found.includes(name)) throw new Error(`${name} is missing in ${folder}. ${remedy}`);
    const is = sha256(await readFile(join(folder, name)));
    if (is !== wanted) throw new Error(`${name} has the SHA-256 ${is} instead of ${wanted}. ${remedy}`);
  }
  await writeFile(marker, digest);
}

function parseLine(line: string): readonly (readonly [name: string, digest: string])[] {
  const [digest, name] = line.split(/ [ *]/);
  return digest === undefined || name === undefined ? [] : [[name, digest]];
}

/** Whoever is first puts its folder in place as a whole; the work of a second is thrown away. */
async function fetchLibraries(folder: string, onProgress: (line: string) => void): Promise<void> {
  await ensureProgram('mvn', 'maven');
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    onProgress(`fetching Kafka ${kafkaVersion} by Maven (46 jars, 43 MB), once, into ${folder}`);
    await runMaven(partial);
    await verifyLibraries(partial, checksums);
    await rename(partial, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    onProgress(`Kafka ${kafkaVersion} is there and its checksums are right`);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function runMaven(target: string): Promise<void> {
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  const child = spawn('mvn', [...args, `-DoutputDirectory=${target}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-2_000)));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0) throw new Error(`Maven could not fetch Kafka ${kafkaVersion}: ${output.trim()}`);
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
