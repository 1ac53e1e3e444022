import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Operation } from '../../../contracts/operation.ts';
import { route } from '../../../platform/http/route.ts';
import { serve } from './serve.ts';

const operation = {
  id: 'take',
  method: 'POST',
  path: '/v1/take',
  tag: 'test',
  summary: 'Takes a little.',
  access: { kind: 'device' },
  body: z.object({ text: z.string() }),
  answers: { 200: { description: 'Taken.' } },
} as const satisfies Operation;
const bodyBytes = 1_000_000;

let running: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  const limits = {
    ...{ bodyBytes, inflatedBodyBytes: bodyBytes, waitingBodyBytes: bodyBytes, depth: 5 },
    sampleBytes: bodyBytes,
    detonationBytes: bodyBytes,
  };
  running = await serve([route(operation, async () => ({ status: 200, json: {} }))], { limits });
});
afterAll(() => running.stop());

/** Sends the body in parts, as a slow line does, and reads the answer only when all is sent. */
async function sendSlowly(parts: readonly string[], announcedBytes: number): Promise<string> {
  const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  socket.write(
    `POST /v1/take HTTP/1.1\r\nhost: x\r\nauthorization: Bearer device\r\ncontent-type: application/json\r\ncontent-length: ${announcedBytes}\r\n\r\n`,
  );
  for (const part of parts) {
    await sleep(100);
    socket.write(part);
  }
  await sleep(100);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  if (failure !== undefined) throw failure;
  return answer;
}

test('who writes a little too much hears why, although the connection closes', async () => {
  const parts = Array.from({ length: 3 }, () => 'x'.repeat(bodyBytes));
  const answer = await sendSlowly(parts, 3 * bodyBytes);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('FB_BODY_TOO_LARGE');
  expect(answer.toLowerCase()).toContain('connection: close');
});

test('who announces far too much is answered before it is sent', async () => {
  const answer = await sendSlowly([], 100 * bodyBytes);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
});
