import { writeSync } from 'node:fs';
import { readConfig } from '../../platform/config/config.ts';
import { runProcess } from '../../platform/lifecycle/run-process.ts';
import { createAllInOne } from './service.ts';

await runProcess({
  name: 'firebreak',
  create: async () => {
    const config = readConfig(process.env);
    return createAllInOne(config, (address) => writeSync(1, `${greeting(address)}\n`));
  },
});

/** What a person wants to know first; everything else is the log, a JSON object a line. */
function greeting({
  url,
  credentialsFile,
}: {
  readonly url: string;
  readonly credentialsFile: string | null;
}): string {
  const token = credentialsFile === null ? 'FIREBREAK_OPERATOR_TOKEN' : credentialsFile;
  return `Firebreak is ready at ${url} (documentation at ${url}/docs; operator token in ${token}). Ctrl-C stops it.`;
}
