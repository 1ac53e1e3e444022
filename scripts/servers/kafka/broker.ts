import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { ensureClassArchive } from './class-archive.ts';
import { ensureJava } from './java.ts';
import { ensureKafkaLibraries } from './libraries.ts';
import { startNode } from './node.ts';

export interface KafkaOptions {
  /** Made on the first start, and used again as it is on every later one. */
  readonly dataDir: string;
  /** A free one otherwise. */
  readonly port?: number;
  /** What clients are told to connect to, where something stands between them and the broker. */
  readonly advertisedPort?: number;
  /** For server.properties, stronger than what the launcher sets. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Who may log in with SCRAM, as of the first start: names and their passwords. */
  readonly scramUsers?: Readonly<Record<string, string>>;
  readonly heapMb?: number;
  /** Takes a line about work that lasts; it goes to standard error otherwise. */
  readonly onNotice?: (line: string) => void;
}

export interface KafkaBroker {
  /** `127.0.0.1:port`, with the advertised port where there is one. */
  readonly bootstrap: string;
  /** Where the broker itself listens. */
  readonly port: number;
  /** Of the Java process. */
  readonly pid: number;
  /** Resolves when the broker is gone, with its exit status: 128 and the number of the signal where one ended it. */
  readonly exited: Promise<number>;
  /** SIGTERM, and SIGKILL after 20 s; resolves when the broker is gone. */
  stop(): Promise<void>;
  /** Sends the signal and returns at once; does nothing when the broker is gone. */
  kill(signal: NodeJS.Signals): void;
}

/** How long a start is tried again while another process still holds the port or the data. */
const predecessorPatienceMs = 20_000;

/**
 * Does what is only done once on a machine, which takes up to minutes; `startKafka` does it too. For tests, which
 * bound their time.
 * @throws Error when Java or a jar cannot be had
 */
export async function prepareKafka(
  notify: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): Promise<{ readonly libraries: string; readonly flags: readonly string[] }> {
  const java = await ensureJava();
  const libraries = await ensureKafkaLibraries(notify);
  return { libraries, flags: await ensureClassArchive(libraries, java, notify) };
}

/**
 * Starts a real Kafka broker, a single node that is its own controller, on the loopback interface. It ends when this
 * process ends, even by kill -9.
 * @returns once the broker serves
 * @throws Error with the last lines of the broker's log when it ends before, or does not serve within 90 s
 */
export async function startKafka(options: KafkaOptions): Promise<KafkaBroker> {
  const { libraries, flags } = await prepareKafka(options.onNotice);
  const { dataDir, port, settings = {}, scramUsers = {}, heapMb = 512 } = options;
  const giveUpAt = performance.now() + predecessorPatienceMs;
  for (;;) {
    const client = port ?? (await freePort());
    const ports = { client, controller: await freePort(), advertised: options.advertisedPort ?? client };
    const started = await startNode({
      ...{ dataDir: resolve(dataDir), ports, settings, scramUsers },
      ...{ libraries, heapMb, flags },
    });
    if (!('failure' in started)) {
      return {
        bootstrap: `127.0.0.1:${ports.advertised}`,
        port: client,
        pid: started.pid,
        exited: started.exited,
        stop: () => started.stop(),
        kill: (signal) => started.kill(signal),
      };
    }
    if (!isHeld(started.failure) || performance.now() > giveUpAt) throw new Error(started.failure);
    await sleep(250);
  }
}

/** A predecessor that is still ending holds the port and the data for a moment; a free port may be taken meanwhile. */
function isHeld(failure: string): boolean {
  return /Address already in use|Failed to acquire lock/.test(failure);
}
