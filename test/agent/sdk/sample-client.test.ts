import { afterEach, describe, expect, test } from '@jest/globals';
import { createSampleClient, type SampleClient } from '../../../agent/sdk/sample-client.ts';
import { sha256Hex } from '../../../contracts/canonical.ts';
import { FirebreakError, toProblem, type ErrorCode } from '../../../contracts/errors.ts';
import {
  startAnsweringServer,
  type AnsweringServer,
  type ScriptedAnswer,
} from '../../support/answering-server.ts';

const bytes = Buffer.from('a sample');
const sha256 = sha256Hex(bytes);
const taken = (status: number): ScriptedAnswer => ({
  status,
  body: {
    id: '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b11',
    artifact: `file:sha256:${sha256}`,
    size: bytes.length,
    expiresAt: '2026-11-29T10:15:03.120Z',
  },
});
const problem = (code: ErrorCode): ScriptedAnswer => {
  const body = toProblem(new FirebreakError(code, 'It is so.'));
  return { status: body.status, body };
};

let server: AnsweringServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function clientOf(...answers: ScriptedAnswer[]): Promise<SampleClient> {
  server = await startAnsweringServer((_request, count) => answers[count - 1] ?? taken(201));
  const retry = { attempts: 3, firstPauseMs: 1, longestPauseMs: 2 };
  return createSampleClient({ baseUrl: server.baseUrl, token: 'fbd_secret' }, retry);
}

describe('a sample', () => {
  test('is tried again after what passes, and known where it was sent before', async () => {
    const client = await clientOf(
      problem('FB_SAMPLE_UNREPORTED'),
      problem('FB_DATABASE_UNAVAILABLE'),
      taken(200),
    );
    expect(await client.send(sha256, bytes)).toEqual({ kind: 'known' });
    expect(server?.seen.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'PUT']);
  });

  test('that is refused for good is not sent again', async () => {
    const client = await clientOf(problem('FB_CONSENT_FORBIDS'));
    expect(await client.send(sha256, bytes)).toEqual({ kind: 'refused', why: 'It is so.' });
    expect(server?.seen).toHaveLength(1);
  });

  test('that changed since it was reported is not sent', async () => {
    const client = await clientOf();
    expect(await client.send('0'.repeat(64), bytes)).toMatchObject({ kind: 'changed' });
    expect(server?.seen).toHaveLength(0);
  });

  test('fails after so many attempts', async () => {
    const away = problem('FB_DATABASE_UNAVAILABLE');
    await expect((await clientOf(away, away, away)).send(sha256, bytes)).rejects.toThrow('It is so.');
  });
});
