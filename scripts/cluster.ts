/**
 * `npm run cluster`: the cluster profile on this machine, where there is no Docker engine: a Kafka broker, Redis and
 * PostgreSQL, and every service as processes of its own behind one address. Ctrl-C stops all of it, in order.
 *
 *   --data DIR   where the servers keep their data and the credentials are written (default .firebreak-cluster)
 *   --port N     of the address in front (default 8080, or a free one where that is taken)
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from './cluster/cluster.ts';
import { freePort } from './servers/free-port.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '.firebreak-cluster' },
    port: { type: 'string', default: '8080' },
  },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const stopRequested = new Promise<void>((tell) => {
  process.once('SIGINT', () => tell());
  process.once('SIGTERM', () => tell());
});
try {
  const cluster = await startCluster({
    dataDir: resolve(values.data),
    port: await freePort(Number(values.port)),
    onNotice: say,
  });
  process.stdout.write(
    `Firebreak is ready at ${cluster.url} (operator token in ${cluster.credentialsFile}). Ctrl-C stops it.\n`,
  );
  await stopRequested;
  say('stopping');
  await cluster.stop();
} catch (error) {
  say(`cluster: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
