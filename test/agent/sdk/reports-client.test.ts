import { afterEach, describe, expect, test } from '@jest/globals';
import { createReportsClient, type ReportsClient } from '../../../agent/sdk/reports-client.ts';
import { ServiceError } from '../../../agent/sdk/service-call.ts';
import { observeCommandLine } from '../../../agent/sdk/observe.ts';
import { defaultPolicy } from '../../../contracts/policy.ts';
import { FirebreakError, toProblem, type ErrorCode } from '../../../contracts/errors.ts';
import {
  startAnsweringServer,
  type AnsweringServer,
  type ScriptedAnswer,
} from '../../support/answering-server.ts';

const now = '2026-11-22T10:15:03.120Z';
const fast = { attempts: 3, firstPauseMs: 1, longestPauseMs: 2 };
const report = observeCommandLine('whoami /all');
const result = (status: string, more: object = {}) => ({
  id: report.id,
  status,
  artifact: null,
  entry: null,
  verdict: 'pending',
  ...more,
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

async function clientOf(answer: (count: number) => ScriptedAnswer): Promise<ReportsClient> {
  server = await startAnsweringServer((_request, count) => answer(count));
  return createReportsClient({ baseUrl: server.baseUrl, token: 'fbd_secret' });
}

async function failureOf(promise: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await promise.catch((caught: unknown) => caught);
  if (error instanceof ServiceError) return error;
  throw new Error('it did not fail with a ServiceError');
}

describe('reports', () => {
  test('go out in one envelope, with the credential in its header and the wait in whole seconds', async () => {
    const client = await clientOf(() => ({ status: 202, body: { now, results: [result('accepted')] } }));
    expect(await client.send([report], { waitMs: 1500 })).toEqual([result('accepted')]);
    expect(server?.seen[0]).toMatchObject({
      method: 'POST',
      path: '/v1/reports',
      headers: { authorization: 'Bearer fbd_secret', prefer: 'wait=2' },
      body: { ecs: { version: '9.1' }, reports: [report] },
    });
  });

  test('that were put off are sent again, alone, and the results keep their order', async () => {
    const client = await clientOf((count) => ({
      status: 202,
      body: {
        now,
        results:
          count === 1 ? [result('deferred', { retryAfterMs: 1 }), result('known')] : [result('accepted')],
      },
    }));
    const results = await client.send([report, observeCommandLine('hostname')]);
    expect(results.map(({ status }) => status)).toEqual(['accepted', 'known']);
    expect(server?.seen[1]?.body).toMatchObject({ reports: [report] });
  });

  test('are tried again after a retryable problem and not after another', async () => {
    const client = await clientOf((count) =>
      count < 3
        ? problem('FB_LOG_UNAVAILABLE')
        : { status: 202, body: { now, results: [result('accepted')] } },
    );
    expect(await client.send([report], { retry: fast })).toHaveLength(1);
    expect(server?.seen).toHaveLength(3);

    await server?.close();
    const refused = await failureOf((await clientOf(() => problem('FB_CREDENTIAL_UNKNOWN'))).send([report]));
    expect(refused).toMatchObject({ kind: 'problem', status: 401, retryable: false });
    expect(refused.problem?.code).toBe('FB_CREDENTIAL_UNKNOWN');
    expect(server?.seen).toHaveLength(1);
  });

  test('end with the reason of their signal', async () => {
    const client = await clientOf(() => problem('FB_RATE_LIMITED'));
    const signal = AbortSignal.timeout(50);
    const retry = { attempts: 1000, firstPauseMs: 5, longestPauseMs: 20 };
    await expect(client.send([report], { signal, retry })).rejects.toThrow();
    expect(signal.aborted).toBe(true);
  });
});

describe('an answer of somebody else', () => {
  test('is told apart from a refusal: a bare 401 or a page says nothing about the credential', async () => {
    for (const foreign of [{ status: 401 }, { status: 403, body: '<html>Proxy</html>' }]) {
      const client = await clientOf(() => foreign);
      expect((await failureOf(client.policy())).kind).toBe('foreign');
      await server?.close();
    }
  });

  test('that is no Firebreak answer is refused', async () => {
    const client = await clientOf(() => ({ status: 200, body: { hello: 'world' } }));
    expect((await failureOf(client.policy())).kind).toBe('foreign');
  });

  test('and silence are two things', async () => {
    const client = await clientOf(() => ({ status: 500 }));
    await server?.close();
    const error = await failureOf(client.send([report], { retry: fast }));
    expect(error).toMatchObject({ kind: 'unreachable', retryable: true });
  });
});

test('an unchanged policy is asked for by its tag and kept', async () => {
  const client = await clientOf((count) =>
    count === 1 ? { status: 200, body: defaultPolicy, headers: { etag: '"7"' } } : { status: 304 },
  );
  expect(await client.policy()).toEqual(defaultPolicy);
  expect(await client.policy()).toEqual(defaultPolicy);
  expect(server?.seen[1]?.headers['if-none-match']).toBe('"7"');
});
