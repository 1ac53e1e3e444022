import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { freePort } from '../../../scripts/servers/free-port.ts';

test('the preferred port is taken where it is free, and another one where it is not', async () => {
  const preferred = await freePort();
  expect(await freePort(preferred)).toBe(preferred);
  const server = createServer().listen(preferred, '127.0.0.1');
  await once(server, 'listening');
  const other = await freePort(preferred);
  expect(other).toBeGreaterThan(0);
  expect(other).not.toBe(preferred);
  server.close();
  await once(server, 'close');
});
