import { delimiter } from 'node:path';
import { spawnGuarded, type GuardedProcess } from '../guarded-process.ts';

export interface JavaRun {
  /** Working folder, with `log4j2.xml` and a folder `tmp`. */
  readonly cwd: string;
  /** Folder of the jars. */
  readonly libraries: string;
  readonly heapMb: number;
  readonly mainClass: string;
  readonly args: readonly string[];
  readonly onLine?: (line: string) => void;
}

const stopWithinSeconds = 20;
/** What Java needs of the caller's environment; its option variables would change what the broker does. */
const kept = ['PATH', 'JAVA_HOME', 'HOME'];

/** Runs a program of Kafka's jars; it ends when this process ends. */
export async function runJava(run: JavaRun): Promise<GuardedProcess> {
  const env = Object.fromEntries(
    kept.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return spawnGuarded({
    program: 'java',
    args: [...javaFlags(run), run.mainClass, ...run.args],
    cwd: run.cwd,
    env: { ...env, LC_ALL: 'C', TZ: 'UTC' },
    stopWithinSeconds,
    ...(run.onLine && { onLine: run.onLine }),
  });
}

function javaFlags({ libraries, heapMb }: JavaRun): readonly string[] {
  if (libraries.includes(delimiter)) throw new Error(`A class path cannot hold ${libraries}.`);
  return [
    '-Xms64m',
    `-Xmx${heapMb}m`,
    '-XX:+UseSerialGC',
    // The quick compiler alone: a broker is up in two thirds of the time.
    '-XX:TieredStopAtLevel=1',
    '-XX:+ExitOnOutOfMemoryError',
    // Nothing outside of the data folder: kill -9 would leave it there.
    '-XX:-UsePerfData',
    '-Djava.io.tmpdir=tmp',
    '-Dlog4j2.configurationFile=log4j2.xml',
    '-cp',
    `${libraries}/*`,
  ];
}
