/** `npm run cluster -- --help` */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { startCluster } from './cluster/cluster.ts';
import { numberFrom, runProgram, wholeNumberFrom } from './command-line.ts';
import { freePort } from './servers/free-port.ts';

interface Options {
  readonly data: string;
  readonly port: number;
  readonly instances: number;
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const program = new Command('cluster')
  .description(
    `The cluster profile on this machine, where there is no Docker engine: a Kafka broker, Redis and PostgreSQL, and every
service as processes of its own behind one address. Ctrl-C stops all of it, in order.`,
  )
  .option(
    '--data <folder>',
    'where servers keep their data and credentials are written',
    '.firebreak-cluster',
  )
  .option('--port <n>', 'of the address in front; a free one where it is taken', numberFrom(0), 8080)
  .option('--instances <n>', 'of each of ingest, classify, correlate and publish', wholeNumberFrom(1), 2)
  .addHelpText(
    'after',
    `
Needs Java 17, Maven once, and redis-server: what is missing is installed as root, named otherwise.
FIREBREAK_ variables are not passed on; docs/operate/deploy.md tells how to run the services on servers of your own.`,
  )
  .action(async ({ data, port, instances }: Options) => {
    const stopRequested = new Promise<void>((tell) => {
      process.once('SIGINT', () => tell());
      process.once('SIGTERM', () => tell());
    });
    const cluster = await startCluster({
      dataDir: resolve(data),
      port: await freePort(port),
      instances: { ingest: instances, classify: instances, correlate: instances, publish: instances },
      onNotice: say,
    });
    process.stdout.write(
      `Firebreak is ready at ${cluster.url} (operator token in ${cluster.credentialsFile}). Ctrl-C stops it.\n`,
    );
    await stopRequested;
    say('stopping');
    await cluster.stop();
  });
await runProgram(program);
