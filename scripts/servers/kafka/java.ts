import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { delimiter } from 'node:path';
import { spawnGuarded, type GuardedProcess } from '../../../platform/process/guarded-process.ts';
import { ensureProgram } from '../install.ts';

export interface JavaRun {
  /** Working folder, with `log4j2.xml` and a folder `tmp`. */
  readonly cwd: string;
  /** Folder of the jars. */
  readonly libraries: string;
  readonly heapMb: number;
  /** More flags of the virtual machine. */
  readonly flags: readonly string[];
  readonly mainClass: string;
  readonly args: readonly string[];
  readonly onLine?: (line: string) => void;
}

const debianPackage = 'openjdk-17-jre-headless';
const oldestMajor = 17;
const stopWithinSeconds = 20;
/** What Java needs of the caller's environment; its option variables would change what the broker does. */
const kept = ['PATH', 'JAVA_HOME', 'HOME'];

/**
 * @returns a word that differs between builds of Java, for names of files
 * @throws Error when there is no Java and none can be installed, or it is too old
 */
export async function ensureJava(): Promise<string> {
  await ensureProgram('java', debianPackage);
  const said = spawnSync('java', ['-version'], { encoding: 'utf8', env: environment() }).stderr;
  const major = Number(/version "(\d+)/.exec(said)?.[1]);
  if (!(major >= oldestMajor))
    throw new Error(
      `Kafka needs Java ${oldestMajor} or newer, and \`java -version\` says: ${said.trim()}. On Debian: sudo apt-get install ${debianPackage}`,
    );
  return `${major}-${createHash('sha256').update(said).digest('hex').slice(0, 8)}`;
}

/** Runs a program of Kafka's jars; it ends when this process ends. */
export async function runJava(run: JavaRun): Promise<GuardedProcess> {
  return spawnGuarded({
    program: 'java',
    args: [...flagsOf(run), run.mainClass, ...run.args],
    cwd: run.cwd,
    env: environment(),
    stopWithinSeconds,
    ...(run.onLine && { onLine: run.onLine }),
  });
}

function environment(): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: 'C', TZ: 'UTC' };
  for (const name of kept) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

function flagsOf({ libraries, heapMb, flags }: JavaRun): readonly string[] {
  if (libraries.includes(delimiter)) throw new Error(`A class path cannot hold ${libraries}.`);
  return [
    '-Xms64m',
    `-Xmx${heapMb}m`,
    '-XX:+UseSerialGC',
    // The quick compiler alone. Measured on 2 cores: up in 3.5 s instead of 4.9 s, and half the CPU a message over the
    // first minutes, in which the thorough compiler mostly works for itself.
    '-XX:TieredStopAtLevel=1',
    '-XX:+ExitOnOutOfMemoryError',
    // An archive of classes that does not fit is left alone, and that is nobody's worry.
    '-Xlog:disable',
    '-Xlog:all=error',
    // Nothing outside of the data folder: kill -9 would leave it there.
    '-XX:-UsePerfData',
    '-Djava.io.tmpdir=tmp',
    '-Dlog4j2.configurationFile=log4j2.xml',
    ...flags,
    '-cp',
    `${libraries}/*`,
  ];
}
