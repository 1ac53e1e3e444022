import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError, errorCode, type StateFolder } from './state-folder.ts';

/**
 * Keeps a second `watch` out of a state folder: the entries have one writer. The lock names its process; one whose
 * process is gone, after a crash, is taken over.
 * @returns what lets go of it
 * @throws AgentError while another process holds it
 */
export async function lockWatch(state: StateFolder): Promise<() => Promise<void>> {
  const path = join(state.path, 'watch.lock');
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid)).finally(() => file.close());
      return () => rm(path, { force: true });
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (isAlive(holder)) throw held(state, path, holder);
    await rm(path, { force: true });
  }
  throw held(state, path, null);
}

function held(state: StateFolder, path: string, holder: number | null): AgentError {
  const who = holder === null ? 'Another `watch`' : `Process ${holder}`;
  return new AgentError(
    `${who} keeps the entries in ${state.path}: stop it, or remove ${path} if it is no \`firebreak-agent watch\`.`,
  );
}

/** Our own number in an old lock is a coincidence: in a container the same numbers come back. */
function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
