/** `npm run rebuild-history`: writes history anew from the log, as far back as the log is kept. */
import { Command } from 'commander';
import { runProgram } from './command-line.ts';
import { readConfig } from '../platform/config/config.ts';
import { createClient } from '../platform/postgres/pool.ts';
import { createLogger } from '../platform/telemetry/logger.ts';
import { createMetrics } from '../platform/telemetry/metrics.ts';
import { createHostEvents } from '../services/host/events.ts';
import { loadPlatform } from '../services/host/load-platform.ts';
import type { Platform } from '../services/host/platform.ts';
import { createRecordEvents } from '../services/record/events.ts';
import { emptyHistory, rebuildHistory, type RebuildProgress } from '../services/record/rebuild.ts';

const tellEveryMs = 2000;
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const count = (n: number): string => n.toLocaleString('en');

const program = new Command('rebuild-history')
  .description(
    [
      'Writes the history that analysts read (reports, decisions, entries) anew from the log, as far back as the log is kept.',
      'It reads the same FIREBREAK_ variables as the services. What is there already stays as it is: it may run again, and on the cluster profile beside the services. On the embedded profile the service must be stopped, as the log is in it.',
      'Ctrl-C stops it; the next run goes on where it was.',
    ].join('\n\n'),
  )
  .option(
    '--empty-first',
    'forget all history first, also what the log no longer has. Tenants, devices, overrides and the audit log stay',
  );

async function rebuild(options: { readonly emptyFirst?: boolean }): Promise<number> {
  const config = readConfig(process.env);
  const logger = createLogger({ name: 'rebuild-history', level: config.logLevel });
  const metrics = createMetrics();
  const platform = await loadPlatform(config, 'firebreak-rebuild', createHostEvents(metrics, logger));
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort());
  await platform.start();
  try {
    if (options.emptyFirst === true) {
      say('history is emptied');
      await emptyAs(platform);
    }
    const { isComplete, records, refused } = await rebuildHistory({
      log: platform.topicLog.log,
      logIdentity: platform.logIdentity,
      pool: platform.pool('firebreak_writer', 'rebuild', 3),
      limits: config.limits,
      events: createRecordEvents(logger, metrics),
      onProgress: teller(),
      signal: stopping.signal,
    });
    const left = refused === 0 ? '' : `; ${count(refused)} of them make no row and lie in the dead letters`;
    const end = isComplete
      ? 'History is what the log says'
      : 'Stopped; the next run goes on here, without --empty-first';
    process.stdout.write(`${end}: ${count(records)} records read${left}.\n`);
    return isComplete ? 0 : 130;
  } finally {
    await platform.stop();
  }
}

async function emptyAs({ owner }: Platform): Promise<void> {
  const client = createClient(owner, 'firebreak-rebuild');
  await client.connect();
  try {
    await emptyHistory(client);
  } finally {
    await client.end();
  }
}

/** A line for each topic now and then, and at its end. */
function teller(): (progress: RebuildProgress) => void {
  const toldMs = new Map<string, number>();
  return ({ topic, done, total }) => {
    const nowMs = Date.now();
    if (done < total && nowMs - (toldMs.get(topic) ?? 0) < tellEveryMs) return;
    toldMs.set(topic, nowMs);
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    say(`${topic}: ${count(done)} of ${count(total)} offsets (${percent} %)`);
  };
}

program.action(async (options: { readonly emptyFirst?: boolean }) => {
  process.exitCode = await rebuild(options);
});
await runProgram(program);
