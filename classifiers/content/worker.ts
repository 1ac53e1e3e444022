import { parentPort } from 'node:worker_threads';
import { FirebreakError } from '../../contracts/errors.ts';
import { examine } from './examine.ts';
import type { WorkerAnswer, WorkerRequest } from './worker-protocol.ts';
import { compileRules, type Scanner } from './yara/engine.ts';
import { loadYaraRules } from './yara/load-rules.ts';

/** The thread that looks at samples. It keeps compiled rules, and nothing of a sample from one to the next. */
let scanners: readonly Scanner[] = [];

async function answer(request: WorkerRequest): Promise<WorkerAnswer> {
  switch (request.kind) {
    case 'use':
      scanners = request.sources.map(compileRules);
      return { kind: 'ready' };
    case 'load': {
      const loaded = await loadYaraRules(request.folders);
      // What does not compile together is told now, and not by every worker.
      loaded.sources.forEach(compileRules);
      return { kind: 'loaded', loaded };
    }
    case 'examine': {
      const { buffer, byteOffset, byteLength } = request.bytes;
      const bytes = Buffer.from(buffer, byteOffset, byteLength);
      return { kind: 'examined', examination: examine(bytes, request.name, scanners) };
    }
  }
}

function failure(error: unknown): WorkerAnswer {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', reason, isConfiguration: error instanceof FirebreakError };
}

parentPort?.on('message', (request: WorkerRequest) => {
  void answer(request)
    .catch(failure)
    .then((message) => parentPort?.postMessage(message));
});
