import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.ts';
import type { GuardedProcess } from '../guarded-process.ts';
import { ensureProgram } from '../install.ts';
import { runJava } from './java.ts';
import { ensureKafkaLibraries } from './libraries.ts';
import { serverProperties, type ServerPorts } from './settings.ts';

export interface KafkaOptions {
  /** Made on the first start, and used again as it is on every later one. */
  readonly dataDir: string;
  /** A free one otherwise. */
  readonly port?: number;
  /** What clients are told to connect to, where something stands between them and the broker. */
  readonly advertisedPort?: number;
  /** For server.properties, stronger than what the launcher sets. */
  readonly settings?: Readonly<Record<string, string>>;
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

/** What every start in a data folder shares. */
interface Home {
  readonly dataDir: string;
  readonly libraries: string;
  readonly heapMb: number;
}

const loggingFile = fileURLToPath(new URL('log4j2.xml', import.meta.url));
const startedLine = 'Kafka Server started';
const startWithinMs = 90_000;
/** How long a start is tried again while another process still holds the port or the data. */
const predecessorPatienceMs = 20_000;
const toldLines = 30;

/**
 * Starts a real Kafka broker, a single node that is its own controller, on the loopback interface. It ends when this
 * process ends, even by kill -9.
 * @returns once the broker serves
 * @throws Error with the last lines of the broker's log when it ends before, or does not serve within 90 s
 */
export async function startKafka(options: KafkaOptions): Promise<KafkaBroker> {
  const notify = options.onNotice ?? ((line: string) => void process.stderr.write(`${line}\n`));
  await ensureProgram('java', 'openjdk-17-jre-headless');
  const libraries = await ensureKafkaLibraries(notify);
  const home = { dataDir: resolve(options.dataDir), libraries, heapMb: options.heapMb ?? 512 };
  prepareFolder(home.dataDir);
  const giveUpAt = performance.now() + predecessorPatienceMs;
  for (;;) {
    const client = options.port ?? (await freePort());
    const ports = { client, controller: await freePort(), advertised: options.advertisedPort ?? client };
    const started = await tryStart(home, ports, options.settings ?? {});
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

function prepareFolder(dataDir: string): void {
  mkdirSync(join(dataDir, 'tmp'), { recursive: true, mode: 0o700 });
  copyFileSync(loggingFile, join(dataDir, 'log4j2.xml'));
}

/** A predecessor that is still ending holds the port and the data for a moment; a free port may be taken meanwhile. */
function isHeld(failure: string): boolean {
  return /Address already in use|Failed to acquire lock/.test(failure);
}

async function tryStart(
  home: Home,
  ports: ServerPorts,
  settings: Readonly<Record<string, string>>,
): Promise<GuardedProcess | { readonly failure: string }> {
  const { dataDir } = home;
  if (!existsSync(join(dataDir, 'log'))) await format(home, ports, settings);
  writeFileSync(join(dataDir, 'server.properties'), serverProperties(ports, 'log', settings));
  const logStart = logSize(dataDir);
  let tellStarted: (outcome: 'serves') => void = () => undefined;
  const started = new Promise<'serves'>((tell) => (tellStarted = tell));
  const broker = await runJava({
    ...home,
    cwd: dataDir,
    mainClass: 'kafka.Kafka',
    args: ['server.properties'],
    onLine: (line) => {
      if (line.includes(startedLine)) tellStarted('serves');
    },
  });
  const timer = new AbortController();
  const outcome = await Promise.race([
    started,
    broker.exited,
    sleep(startWithinMs, `did not serve within ${startWithinMs} ms`, timer),
  ]);
  timer.abort();
  if (outcome === 'serves') return broker;
  await broker.stop();
  const reason = typeof outcome === 'number' ? `ended with ${outcome}` : outcome;
  const log = [...broker.lines(), ...readLog(dataDir, logStart)].slice(-toldLines).join('\n');
  return { failure: `Kafka in ${dataDir} ${reason}. Its last lines:\n${log}` };
}

/** Made beside and then put in place, so that a start that is killed leaves no half folder. */
async function format(
  home: Home,
  ports: ServerPorts,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const { dataDir } = home;
  rmSync(join(dataDir, 'log.partial'), { recursive: true, force: true });
  writeFileSync(join(dataDir, 'format.properties'), serverProperties(ports, 'log.partial', settings));
  const clusterId = randomBytes(16).toString('base64url');
  const tool = await runJava({
    ...home,
    cwd: dataDir,
    mainClass: 'kafka.tools.StorageTool',
    args: ['format', '--standalone', '--cluster-id', clusterId, '--config', 'format.properties'],
  });
  const status = await tool.exited;
  if (status !== 0)
    throw new Error(`Kafka could not format ${dataDir} (status ${status}):\n${tool.lines().join('\n')}`);
  renameSync(join(dataDir, 'log.partial'), join(dataDir, 'log'));
}

function logSize(dataDir: string): number {
  return statSync(join(dataDir, 'broker.log'), { throwIfNoEntry: false })?.size ?? 0;
}

function readLog(dataDir: string, from: number): readonly string[] {
  if (logSize(dataDir) <= from) return [];
  return readFileSync(join(dataDir, 'broker.log')).subarray(from).toString('utf8').trim().split('\n');
}
