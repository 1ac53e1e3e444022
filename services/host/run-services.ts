import { writeSync } from 'node:fs';
import { readConfig } from '../../platform/config/config.ts';
import { runProcess } from '../../platform/lifecycle/run-process.ts';
import { createHost, type Address } from './host.ts';
import type { ServiceName } from './services.ts';

/** The whole life of a process that runs these services; its name is what its messages to the operator begin with. */
export async function runServices(name: string, names: readonly ServiceName[]): Promise<void> {
  await runProcess({
    name,
    create: async () =>
      createHost(readConfig(process.env), names, (address) => writeSync(1, `${greeting(address)}\n`)),
  });
}

/** What a person wants to know first; everything else is the log, a JSON object a line. */
function greeting({ url, credentialsFile }: Address): string {
  const token = credentialsFile === null ? 'FIREBREAK_OPERATOR_TOKEN' : credentialsFile;
  return `Firebreak is ready at ${url} (documentation at ${url}/docs; operator token in ${token}). Ctrl-C stops it.`;
}
