import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { startNode } from './node.ts';

/** The exit status after SIGTERM. */
const terminated = 143;

/**
 * Java reads and checks Kafka's classes anew on every start, unless they lie ready in an archive: with it, a first start
 * takes 3 s instead of 5 s and a restart 2 s instead of 3.5 s. The archive is written once, as a broker that has done
 * nothing else ends, beside the jars: it fits only these, and goes when they go.
 * @param java differs between builds of Java, as an archive fits only one
 * @returns flags for Java; none where this Java could not write an archive
 */
export async function ensureClassArchive(
  libraries: string,
  java: string,
  onProgress: (line: string) => void,
): Promise<readonly string[]> {
  const archive = join(libraries, `classes-${java}.jsa`);
  if (!existsSync(archive)) {
    onProgress('preparing quick starts of Kafka, once (about 10 s)');
    const partial = `${archive}.${process.pid}.partial`;
    const isWhole = await record(libraries, partial);
    if (!isWhole || !existsSync(partial)) writeEmpty(partial);
    renameSync(partial, archive);
  }
  // Empty when there was nothing to write: then it is not tried again.
  return statSync(archive).size === 0 ? [] : [`-XX:SharedArchiveFile=${archive}`];
}

function writeEmpty(path: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, '');
}

/** @returns whether Java ended in order, and not because writing took too long */
async function record(libraries: string, archive: string): Promise<boolean> {
  const dataDir = mkdtempSync(join(tmpdir(), 'firebreak-kafka-'));
  try {
    const client = await freePort();
    const node = await startNode({
      dataDir,
      libraries,
      ports: { client, controller: await freePort(), advertised: client },
      settings: {},
      scramUsers: {},
      heapMb: 512,
      flags: [`-XX:ArchiveClassesAtExit=${archive}`],
    });
    if ('failure' in node) throw new Error(node.failure);
    await node.stop();
    return (await node.exited) === terminated;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
