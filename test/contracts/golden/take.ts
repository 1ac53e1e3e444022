/**
 * Takes golden records from the log of an embedded data folder whose service is stopped: of each topic a few records of
 * different shapes, with the bytes of their values as they were written. Once for each release that changes a schema:
 *
 *   node --import tsx test/contracts/golden/take.ts DATA_DIR
 *
 * writes `test/contracts/golden/<version>/<topic>.jsonl`; what is there is never changed afterwards.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { defaultLimits } from '../../../contracts/limits.ts';
import { topics } from '../../../contracts/topics.ts';
import { serviceVersion } from '../../../contracts/version.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { EmbeddedPlatform } from '../../../services/host/embedded-platform.ts';
import { createHostEvents } from '../../../services/host/events.ts';

const mostOfATopic = 12;
const longestValue = 20_000;
/** Fields that say which of several shapes a record has. */
const discriminators = /^(?:kind|outcome|reach|verdict|source|status|entries|relation|end|trigger)$/;

/** Paths of all fields, and the values of those that tell shapes apart. */
function shapeOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((each) => shapeOf(each, `${path}[]`)))];
  if (typeof value !== 'object' || value === null) return [path + (value === null ? '=null' : '')];
  return Object.entries(value).flatMap(([key, each]) =>
    typeof each === 'string' && discriminators.test(key)
      ? [`${path}.${key}=${each}`]
      : shapeOf(each, `${path}.${key}`),
  );
}

const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error('Name the data folder.');
const events = createHostEvents(createMetrics(), createLogger({ name: 'golden', level: 'warn' }));
const platform = new EmbeddedPlatform(dataDir, defaultLimits, events);
await platform.start();
const folder = join(import.meta.dirname, serviceVersion);
mkdirSync(folder, { recursive: true });
const host = hostname();
try {
  const { log } = platform.topicLog;
  for (const { name } of Object.values(topics)) {
    const seen = new Set<string>();
    const lines: string[] = [];
    for (const { partition, start } of await log.bounds(name))
      for await (const { records } of log.read({ topic: name, partition, offset: start }))
        for (const { key, value } of records) {
          if (lines.length >= mostOfATopic) break;
          const text = value === null ? null : Buffer.from(value).toString().replaceAll(host, 'a-host');
          const news = shapeOf(text === null ? null : JSON.parse(text)).filter((part) => !seen.has(part));
          if (news.length === 0 || (text?.length ?? 0) > longestValue) continue;
          for (const part of news) seen.add(part);
          lines.push(JSON.stringify({ key, value: text }));
        }
    writeFileSync(join(folder, `${name}.jsonl`), lines.map((line) => `${line}\n`).join(''));
    process.stdout.write(`${name}: ${lines.length}\n`);
  }
} finally {
  await platform.stop();
}
