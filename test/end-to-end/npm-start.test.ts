import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { metricCatalogue } from '../../scripts/metric-catalogue.ts';
import { eventually } from '../support/eventually.ts';
import { makeDataDir, removeDataDir } from '../support/service-process.ts';
import { processesIn } from './processes-in.ts';

const dataDir = makeDataDir();
let npm: ChildProcess;
let url = '';

beforeAll(async () => {
  npm = spawn('npm', ['start'], {
    env: {
      ...process.env,
      FIREBREAK_HTTP_PORT: '0',
      FIREBREAK_DATA_DIR: dataDir,
      FIREBREAK_LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const output = npm.stdout;
  if (output === null) throw new Error('npm has no output.');
  const lines = createInterface({ input: output });
  await new Promise<void>((resolve) =>
    lines.on('line', (line) => {
      url = /is ready at (\S+)/.exec(line)?.[1] ?? url;
      if (url !== '') resolve();
    }),
  );
}, 60_000);

afterAll(() => {
  try {
    // The whole group: whatever was left behind.
    if (npm.pid !== undefined) process.kill(-npm.pid, 'SIGKILL');
  } catch {
    // Nothing was.
  }
  removeDataDir(dataDir);
});

test('its page of metrics has what docs/reference lists, and nothing else', async () => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  const listed = metricCatalogue().map(({ name, type }) => `${name} ${type}`);
  expect(told.toSorted()).toEqual(listed.toSorted());
});

// Who supervises the service knows the process id of npm alone.
test('the signal that npm gets stops the service and its PostgreSQL', async () => {
  const running = processesIn(dataDir);
  expect(running.length).toBeGreaterThan(0);
  npm.kill('SIGTERM');
  await eventually(() => (processesIn(dataDir).length === 0 ? true : null), 20_000);
}, 30_000);
