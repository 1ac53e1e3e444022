import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runWatch } from '../../../agent/cli/commands/watch.ts';
import { createProgram, describeFailure } from '../../../agent/cli/program.ts';
import { StateFolder } from '../../../agent/cli/state-folder.ts';
import { lockWatch } from '../../../agent/cli/watch-lock.ts';
import { observeCommandLine } from '../../../agent/sdk/observe.ts';
import { identifyArtifact, sha256Hex } from '../../../contracts/canonical.ts';
import { reason } from '../../../contracts/domain.ts';
import { FirebreakError, toProblem } from '../../../contracts/errors.ts';
import { defaultPolicy, type Policy } from '../../../contracts/policy.ts';
import { reportSchema } from '../../../contracts/report.ts';
import { eventually } from '../../support/eventually.ts';
import {
  startAnsweringServer,
  type AnsweringServer,
  type ScriptedAnswer,
  type SeenRequest,
} from '../../support/answering-server.ts';

const now = '2026-11-22T10:15:03.120Z';
const id = '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b11';
const device = {
  id,
  tenantId: id,
  status: 'active',
  host: {},
  agent: { type: 'firebreak-agent', version: '1' },
  runningMode: 'active',
  tags: [],
  createdAt: now,
  lastSeenAt: null,
};

function blockOf(report: unknown) {
  const { key } = identifyArtifact(reportSchema.parse(report).artifact);
  return {
    id,
    revision: 1,
    key,
    source: 'decision',
    reach: 'ecosystem',
    verdict: 'malicious',
    action: 'block',
    blockFrom: 'default',
    remediation: [],
    threatName: 'Behavior:Win32/Impact.A!ml',
    severity: 'high',
    reason: reason('content-evidence'),
    decidedAt: now,
    expiresAt: '2999-01-01T00:00:00.000Z',
  };
}

/** Condemns whatever deletes shadow copies; knows nothing else. */
function judge({ path, body }: SeenRequest, policy: Policy): ScriptedAnswer {
  if (path === '/v1/devices') return { status: 201, body: { device, credential: 'fbd_x', signingKeys: [] } };
  if (path === '/v1/agent/policy') return { status: 200, body: policy, headers: { etag: '"1"' } };
  if (path !== '/v1/reports') return { status: 404 };
  const { reports } = body as { reports: readonly { id: string; artifact: { text?: string } }[] };
  const results = reports.map((report) => {
    const bad = report.artifact.text?.includes('delete shadows') === true;
    const entry = bad ? blockOf(report) : null;
    return {
      id: report.id,
      status: 'accepted',
      artifact: null,
      entry,
      verdict: bad ? 'malicious' : 'pending',
    };
  });
  return { status: 202, body: { now, results } };
}

let folder = '';
let server: AnsweringServer | undefined;
let printed: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-agent-'));
  printed = [];
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

const state = () => join(folder, 'state');
const run = (...argv: string[]) => runAnswering(null, ...argv);
/** @param answer of the person at the terminal; null: there is none */
const runAnswering = (answer: boolean | null, ...argv: string[]) =>
  createProgram(
    { FIREBREAK_AGENT_STATE: state() },
    (line) => printed.push(line),
    async (question) => {
      printed.push(question);
      return answer;
    },
  ).run(['node', 'agent', ...argv]);
const failureOf = (...argv: string[]) =>
  run(...argv).then(
    () => 'it did not fail',
    (error: unknown) => describeFailure(error),
  );

async function enrolled(policy: Policy = defaultPolicy): Promise<void> {
  server = await startAnsweringServer((request) => judge(request, policy));
  await run('enroll', '--url', server.baseUrl, '--key', 'fbe_x');
}

describe('enrolling', () => {
  test('keeps the credential in a file that nobody else reads', async () => {
    await enrolled();
    expect((await stat(join(state(), 'agent.json'))).mode & 0o777).toBe(0o600);
    expect(printed.join()).toContain(`enrolled as device ${id}`);
  });

  test('again is the same installation', async () => {
    await enrolled();
    await run('enroll', '--url', server?.baseUrl ?? '', '--key', 'fbe_x');
    const ids = server?.seen.flatMap(({ path, body }) =>
      path === '/v1/devices' ? [(body as { installationId: string }).installationId] : [],
    );
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });
});

describe('scanning', () => {
  test('lets through what nobody condemns, and says that the policy decided', async () => {
    await enrolled();
    expect(await run('scan', '--wait', '0', '--command-line', 'whoami')).toBe(0);
    expect(printed.at(-1)).toMatch(/^allowed {2}whoami {2}\[pending; allow\].*let it run/u);
  });

  test('stops what is condemned, tells why, and exits with 3', async () => {
    await enrolled();
    const script = join(folder, 'a.ps1');
    await writeFile(script, 'vssadmin delete shadows /all');
    expect(await run('scan', '--wait', '1', '--script', script, '--command-line', 'whoami')).toBe(3);
    expect(printed.at(-1)).toContain('BLOCKED  ');
    expect(printed.at(-1)).toContain('[malicious, Behavior:Win32/Impact.A!ml; block] The content itself');
  });

  test('obeys a policy that only audits, and one that blocks without a verdict', async () => {
    await enrolled({ ...defaultPolicy, enforce: 'audit' });
    expect(await run('scan', '--command-line', 'vssadmin delete shadows')).toBe(0);
    await server?.close();
    await enrolled({ ...defaultPolicy, onTimeout: 'block' });
    expect(await run('scan', '--command-line', 'whoami')).toBe(3);
  });

  test('fails open when the service refuses or is away', async () => {
    const refusal = toProblem(new FirebreakError('FB_DEVICE_OFFBOARDED', 'The device was off-boarded.'));
    server = await startAnsweringServer((request) =>
      request.path === '/v1/reports' ? { status: 401, body: refusal } : judge(request, defaultPolicy),
    );
    await run('enroll', '--url', server.baseUrl, '--key', 'fbe_x');
    expect(await run('scan', '--command-line', 'vssadmin delete shadows')).toBe(0);
    expect(printed.at(-1)).toContain('The device was off-boarded.');
    await server.close();
    expect(await run('scan', '--wait', '0', '--command-line', 'vssadmin delete shadows')).toBe(0);
    expect(printed.at(-1)).toContain('Nobody answers at');
  });
});

describe('a file that the service asks for', () => {
  const text = 'MZ, or what looks like it';
  let sent: readonly Buffer[] = [];

  async function enrolledUnder(sampleConsent: Policy['sampleConsent']): Promise<string> {
    const policy = { ...defaultPolicy, sampleConsent };
    const taken = { id, artifact: `file:sha256:${sha256Hex(text)}`, size: text.length, expiresAt: now };
    server = await startAnsweringServer((request) => {
      if (request.path.startsWith('/v1/samples/')) {
        sent = [...sent, request.body as Buffer];
        return { status: 201, body: taken };
      }
      const answer = judge(request, policy);
      if (request.path !== '/v1/reports') return answer;
      const { results } = answer.body as { results: object[] };
      const wanted = results.map((result) => ({ ...result, sample: { wanted: true } }));
      return { ...answer, body: { now, results: wanted } };
    });
    sent = [];
    await run('enroll', '--url', server.baseUrl, '--key', 'fbe_x');
    const path = join(folder, 'tool.exe');
    await writeFile(path, text);
    return path;
  }

  test('is sent after the verdict was obeyed, under its digest', async () => {
    const path = await enrolledUnder('safe');
    expect(await run('scan', '--wait', '0', path)).toBe(0);
    expect(printed.slice(-2)).toEqual([
      expect.stringMatching(/^allowed/u),
      `sent  ${path}  The service looks into it.`,
    ]);
    expect(sent.map((bytes) => gunzipSync(bytes).toString())).toEqual([text]);
    expect(server?.seen.at(-1)?.path).toBe(`/v1/samples/${sha256Hex(text)}`);
  });

  test('is not sent under `never`, whatever the service asks', async () => {
    await run('scan', '--wait', '0', await enrolledUnder('never'));
    expect(sent).toEqual([]);
  });

  test.each([
    [true, 1, 'sent  '],
    [false, 0, 'not sent  '],
    [null, 0, 'not sent  '],
  ])('under `prompt` a person decides: %s', async (answer, times, line) => {
    const path = await enrolledUnder('prompt');
    await runAnswering(answer, 'scan', '--wait', '0', path);
    expect(printed.at(-2)).toBe(`Send ${path} to the service, which wants to look into it? [y/N] `);
    expect(printed.at(-1)?.startsWith(`${line}${path}`)).toBe(true);
    expect(sent).toHaveLength(times);
  });
});

test('a recording is played as this device would: what is held waits, what is condemned is named', async () => {
  await enrolled();
  const lines = [
    { at: 20, wait: true, report: observeCommandLine('vssadmin delete shadows /all') },
    { at: 0, device: 'a', report: observeCommandLine('whoami') },
  ];
  const path = join(folder, 'r.jsonl');
  await writeFile(path, lines.map((line) => JSON.stringify(line)).join('\n'));
  expect(await run('replay', path, '--speed', '10')).toBe(3);
  expect(printed.slice(-2)).toEqual([expect.stringContaining('BLOCKED'), '2 reports played, 1 stopped']);
  expect(await run('replay', path, '--device', 'a')).toBe(0);
  const played = server?.seen.flatMap(({ path: asked, body }) =>
    asked === '/v1/reports' ? (body as { reports: { id: string }[] }).reports : [],
  );
  expect(new Set(played?.map((report) => report.id)).size).toBe(3);
});

describe('watching', () => {
  test('goes on through trouble, keeps a second watch out, and ends with its signal', async () => {
    await enrolled();
    const stopping = new AbortController();
    const watching = runWatch(new StateFolder(state()), stopping.signal, (line) => printed.push(line));
    await eventually(
      () => printed.find((line) => line.startsWith('trouble  /v1/snapshot answers 404.')) ?? null,
    );
    await writeFile(join(state(), 'watch.lock'), String(process.ppid));
    await expect(run('watch')).rejects.toThrow(`Process ${process.ppid} keeps the entries`);
    stopping.abort();
    await watching;
    await expect(stat(join(state(), 'watch.lock'))).rejects.toThrow();
  });

  test('takes over from a watch that crashed', async () => {
    await enrolled();
    await writeFile(join(state(), 'watch.lock'), '999999999');
    const unlock = await lockWatch(new StateFolder(state()));
    await unlock();
  });
});

test('the status tells who the device is, what it holds and when it last heard from the service', async () => {
  await enrolled();
  printed = [];
  await run('status');
  expect(printed.join('\n')).toMatch(/device +019aa8d2/u);
  expect(printed).toContainEqual(
    expect.stringMatching(/^cursor +none: `firebreak-agent watch` takes a snapshot$/u),
  );
  await run('scan', '--command-line', 'whoami');
  printed = [];
  await run('status');
  expect(printed).toContainEqual(expect.stringMatching(/^last contact +\d{4}-/u));
});

describe('a mistake at the terminal is one sentence that says what to do', () => {
  test.each([
    [['scan', 'x.exe'], 'run `firebreak-agent enroll'],
    [['scan'], 'There is nothing to scan: name a FILE'],
    [['scan', '--wait', 'soon', 'x'], 'Give 0 to 60 whole seconds'],
    [['enroll', '--key', 'k'], "Required option '--url <url>' not specified."],
    [['enroll', '--url', 'localhost', '--key', 'k'], 'is no address'],
    [['replay', 'nowhere.jsonl'], 'name a recording in JSON lines'],
    [['fly'], "Unknown command 'fly'."],
    [[], 'There is no command.'],
  ])('%j', async (argv, sentence) => {
    const failure = await failureOf(...argv);
    expect(failure).toContain(sentence);
    expect(failure).not.toContain('\n');
  });

  test('and names the file or the line that is wrong', async () => {
    await enrolled();
    expect(await failureOf('scan', join(folder, 'gone.exe'))).toContain(
      'gone.exe does not exist: check the path.',
    );
    const path = join(folder, 'bad.jsonl');
    await writeFile(path, '{"at":0}\n');
    expect(await failureOf('replay', path)).toContain('bad.jsonl line 1: report');
    await writeFile(join(state(), 'agent.json'), '{');
    expect(await failureOf('scan', path)).toContain('is damaged: remove it and enrol again');
  });

  test('a refusal tells the remedy of its code', async () => {
    const refusal = toProblem(new FirebreakError('FB_CREDENTIAL_UNKNOWN', 'No such key.'));
    server = await startAnsweringServer(() => ({ status: 401, body: refusal }));
    const failure = await failureOf('enroll', '--url', server.baseUrl, '--key', 'fbe_wrong');
    expect(failure).toBe(
      'No such key. Enrol again. Keep the blocks in force meanwhile. (FB_CREDENTIAL_UNKNOWN)',
    );
  });
});
