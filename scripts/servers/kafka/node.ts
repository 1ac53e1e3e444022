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
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { GuardedProcess } from '../../../platform/process/guarded-process.ts';
import { runJava, type JavaRun } from './java.ts';
import { serverProperties, type ServerPorts } from './settings.ts';

export interface NodeStart extends Pick<JavaRun, 'libraries' | 'heapMb' | 'flags'> {
  /** Absolute; made and formatted on the first start. */
  readonly dataDir: string;
  readonly ports: ServerPorts;
  readonly settings: Readonly<Record<string, string>>;
  readonly scramUsers: Readonly<Record<string, string>>;
}

/** Why a node does not serve, with the last lines of its log. */
export interface NodeFailure {
  readonly failure: string;
}

const loggingFile = fileURLToPath(new URL('log4j2.xml', import.meta.url));
const startedLine = 'Kafka Server started';
const startWithinMs = 90_000;
const toldLines = 30;

/**
 * Starts Kafka in a folder, once.
 * @returns the process once it serves: its controller has let it in, and it takes connections
 * @throws Error when the folder cannot be formatted
 */
export async function startNode(start: NodeStart): Promise<GuardedProcess | NodeFailure> {
  const { dataDir, ports, settings } = start;
  mkdirSync(join(dataDir, 'tmp'), { recursive: true, mode: 0o700 });
  copyFileSync(loggingFile, join(dataDir, 'log4j2.xml'));
  if (!existsSync(join(dataDir, 'log'))) await format(start);
  writeFileSync(join(dataDir, 'server.properties'), serverProperties(ports, 'log', settings));
  const logStart = logSize(dataDir);
  let tellStarted: (outcome: 'serves') => void = () => undefined;
  const started = new Promise<'serves'>((tell) => (tellStarted = tell));
  const node = await runJava({
    ...start,
    cwd: dataDir,
    mainClass: 'kafka.Kafka',
    args: ['server.properties'],
    onLine: (line) => {
      if (line.includes(startedLine)) tellStarted('serves');
    },
  });
  const timer = new AbortController();
  const late = sleep(startWithinMs, 'late' as const, timer).catch(() => 'late' as const);
  const outcome = await Promise.race([started, node.exited, late]);
  timer.abort();
  if (outcome === 'serves') return node;
  await node.stop();
  const reason = outcome === 'late' ? `did not serve within ${startWithinMs} ms` : `ended with ${outcome}`;
  const log = [...node.lines(), ...readLog(dataDir, logStart)].slice(-toldLines).join('\n');
  return { failure: `Kafka in ${dataDir} ${reason}. Its last lines:\n${log}` };
}

/** Made beside and then put in place, so that a start that is killed leaves no half folder. */
async function format(start: NodeStart): Promise<void> {
  const { dataDir, ports, settings, scramUsers } = start;
  rmSync(join(dataDir, 'log.partial'), { recursive: true, force: true });
  writeFileSync(join(dataDir, 'format.properties'), serverProperties(ports, 'log.partial', settings));
  const clusterId = makeClusterId();
  const users = Object.entries(scramUsers).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name="${name}",password="${password}"]`,
    ]),
  );
  const tool = await runJava({
    ...start,
    cwd: dataDir,
    mainClass: 'kafka.tools.StorageTool',
    args: ['format', '--standalone', '--cluster-id', clusterId, '--config', 'format.properties', ...users],
  });
  const status = await tool.exited;
  if (status !== 0)
    throw new Error(`Kafka could not format ${dataDir} (status ${status}):\n${tool.lines().join('\n')}`);
  renameSync(join(dataDir, 'log.partial'), join(dataDir, 'log'));
  rmSync(join(dataDir, 'format.properties'));
}

function logSize(dataDir: string): number {
  return statSync(join(dataDir, 'broker.log'), { throwIfNoEntry: false })?.size ?? 0;
}

/** Lines since a place in the log; all of it when it was begun anew meanwhile. */
function readLog(dataDir: string, from: number): readonly string[] {
  const size = logSize(dataDir);
  if (size === 0 || size === from) return [];
  const text = readFileSync(join(dataDir, 'broker.log')).subarray(size < from ? 0 : from);
  return text.toString('utf8').trim().split('\n');
}

/** Like Kafka's own: never one with a dash in front, which its tools would take for an option. */
function makeClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? makeClusterId() : id;
}
