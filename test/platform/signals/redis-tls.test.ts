import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRedisTarget } from '../../../platform/signals/redis-target.ts';
import { freePort } from '../../../scripts/servers/free-port.ts';
import { makeCertificate } from '../../support/certificate.ts';
import {
  completeAll,
  openSignals,
  startTestRedis,
  testPartitions,
  type TestRedis,
} from '../../support/redis.ts';

const home = mkdtempSync(join(tmpdir(), 'firebreak-redis-tls-'));
const { certificate, certificateFile, keyFile } = makeCertificate(home);
let redis: TestRedis;
let url: string;

beforeAll(async () => {
  const port = await freePort();
  redis = await startTestRedis([
    ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', certificateFile, '--tls-key-file', keyFile],
  ]);
  url = `rediss://127.0.0.1:${port}`;
}, 60_000);

afterAll(async () => {
  await redis.stop();
  rmSync(home, { recursive: true, force: true });
});

test('a store behind TLS is used like any other', async () => {
  const signals = await openSignals(url, { target: parseRedisTarget(url, [certificate]) });
  await completeAll(signals);
  expect(await signals.isComplete(testPartitions - 1)).toBe(true);
  await signals.close();
});

test('a certificate that nobody vouches for is told', async () => {
  const notices: string[] = [];
  const signals = await openSignals(url, { onNotice: (notice) => notices.push(JSON.stringify(notice)) });
  expect(signals.unready).not.toBeNull();
  expect(`${notices.join()} ${signals.unready}`).toMatch(/certificate/);
  await signals.close();
});
