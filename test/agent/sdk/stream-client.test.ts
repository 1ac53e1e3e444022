import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ServerClock } from '../../../agent/sdk/clock.ts';
import { EntryStore } from '../../../agent/sdk/entry-store.ts';
import { StreamClient, type StreamClientEvent, type StreamTiming } from '../../../agent/sdk/stream-client.ts';
import { reportIdSchema } from '../../../contracts/ids.ts';
import type { VerdictRecord } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import {
  decidedEntry,
  deviceA1,
  ecosystem,
  revocationOf,
  sampleKey,
  tenantA,
} from '../../support/entries.ts';
import { eventually } from '../../support/eventually.ts';
import { startPublishServer, tokenOf, type PublishServer } from '../../support/publish-server.ts';

const owner = { tenantId: tenantA, deviceId: deviceA1 };
let server: PublishServer;
let folder: string;

/** What stands between agent and service; null lets everything through. */
type Meddler = (incoming: IncomingMessage, response: ServerResponse) => boolean;
let meddle: Meddler | null = null;
let proxy: Server;

beforeAll(async () => {
  server = await startPublishServer();
  folder = mkdtempSync(join(tmpdir(), 'firebreak-agent-'));
  proxy = createServer((incoming, response) => {
    if (meddle?.(incoming, response) === true) return;
    const { method, url, headers } = incoming;
    const onward = request(server.url + (url ?? ''), { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function block(number: number, revision = 1): VerdictRecord {
  const entry = decidedEntry(number, revision);
  const origin = { tenantId: tenantA, deviceId: deviceA1, reportId: reportIdSchema.parse(entry.id) };
  return { kind: 'entry', subject: ecosystem, entry, origin, writer: 'w' };
}

function revoke(number: number, revision: number): VerdictRecord {
  const revocation = revocationOf(decidedEntry(number), revision);
  return { kind: 'revocation', subject: ecosystem, revocation, keepUntil: revocation.decidedAt, writer: 'w' };
}

/** An agent of this process: its client runs until it is stopped, as often as it is started. */
class TestAgent {
  readonly events: StreamClientEvent[] = [];
  readonly path: string;
  store: EntryStore | undefined;
  ended: Promise<string> | undefined;
  #stopping = new AbortController();

  constructor(name: string) {
    this.path = join(folder, name);
  }

  async start(timing: Partial<StreamTiming> = {}): Promise<void> {
    this.#stopping = new AbortController();
    this.store = await EntryStore.open({ path: this.path, owner });
    const { port } = proxy.address() as AddressInfo;
    const client = new StreamClient({
      baseUrl: `http://127.0.0.1:${port}`,
      credential: tokenOf(owner),
      store: this.store,
      clock: new ServerClock(),
      onEvent: (event) => this.events.push(event),
      timing: { firstPauseMs: 10, longestPauseMs: 50, ...timing },
    });
    this.ended = client.run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.ended;
    await this.store?.close();
  }

  holds(number: number): boolean {
    return (this.store?.entriesOf(sampleKey(number)).length ?? 0) > 0;
  }

  count(kind: StreamClientEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length;
  }
}

let agent: TestAgent;
let agents = 0;

beforeEach(() => {
  agents += 1;
  meddle = null;
  agent = new TestAgent(`agent-${agents}`);
});

afterEach(async () => {
  meddle = null;
  await agent.stop();
});

const until = (holds: () => boolean) => eventually(() => (holds() ? true : null));

describe('stream client', () => {
  test('takes a snapshot, then follows; after a stop it goes on from its cursor without another', async () => {
    await server.topicLog.append(topics.verdicts, [block(1)]);
    await agent.start();
    await until(() => agent.holds(1));
    await server.topicLog.append(topics.verdicts, [block(2), revoke(1, 2)]);
    await until(() => agent.holds(2) && !agent.holds(1));
    await agent.stop();
    await server.topicLog.append(topics.verdicts, [block(3), revoke(2, 2)]);
    await agent.start();
    await until(() => agent.holds(3) && !agent.holds(2));
    expect(agent.count('snapshot')).toBe(1);
    expect(agent.count('differs')).toBe(0);
  });

  test.each([
    [401, 'application/problem+json', '{"code":"FB_CREDENTIAL_UNKNOWN"}'],
    [403, 'text/html', '<h1>Forbidden</h1>'],
    [407, 'text/html', '<h1>Proxy authentication required</h1>'],
    [200, 'text/html', '<h1>Please sign in to the guest network</h1>'],
  ])('keeps its blocks when it is answered %i %s, and comes back', async (status, type, body) => {
    await server.topicLog.append(topics.verdicts, [block(10)]);
    await agent.start();
    await until(() => agent.holds(10));
    await agent.stop();
    meddle = (_incoming, response) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
      return true;
    };
    await agent.start();
    await until(() => agent.count('trouble') >= 3);
    expect(agent.holds(10)).toBe(true);
    meddle = null;
    await server.topicLog.append(topics.verdicts, [block(10 + agents, agents)]);
    await until(() => agent.holds(10 + agents));
  });

  test('mends itself by a snapshot when a change was lost on the way', async () => {
    await server.topicLog.append(topics.verdicts, [block(30)]);
    await agent.start();
    await until(() => agent.holds(30) && agent.count('connected') > 0);
    await agent.stop();
    meddle = (incoming, response) => {
      if (incoming.url !== '/v1/stream') return false;
      const headers = { ...incoming.headers };
      const onward = request(`${server.url}/v1/stream`, { headers, agent: false }, (answer) => {
        response.writeHead(200, answer.headers);
        answer.setEncoding('utf8');
        answer.on('data', (text: string) =>
          response.write(text.replace(/event: entry\ndata: \{.*\}\n\n/u, '')),
        );
        answer.on('end', () => response.end());
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      onward.end();
      return true;
    };
    await agent.start();
    await until(() => agent.count('connected') > 1);
    const before = agent.count('snapshot');
    await server.topicLog.append(topics.verdicts, [block(31)]);
    await until(() => agent.count('differs') > 0 && agent.count('snapshot') > before && agent.holds(31));
  });

  test('a snapshot that is cut is not taken for the whole', async () => {
    await server.topicLog.append(topics.verdicts, [block(40), block(41)]);
    let cuts = 0;
    meddle = (incoming, response) => {
      if (incoming.url !== '/v1/snapshot' || cuts >= 2) return false;
      cuts += 1;
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.end(`${JSON.stringify(decidedEntry(40))}\n`);
      return true;
    };
    await agent.start();
    await until(() => agent.holds(41));
    expect(cuts).toBe(2);
    expect(agent.store?.position).not.toBeNull();
  });

  test('polls where the stream is mute, and hears a change that way', async () => {
    await agent.start();
    await until(() => agent.count('connected') > 0);
    await agent.stop();
    meddle = (incoming, response) => {
      if (incoming.url !== '/v1/stream') return false;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      return true;
    };
    await agent.start({ helloMs: 100, pollWaitSeconds: 5 });
    await until(() => agent.events.some((event) => event.kind === 'trouble'));
    await server.topicLog.append(topics.verdicts, [block(50)]);
    await until(() => agent.holds(50));
    expect(agent.events).toContainEqual({ kind: 'connected', by: 'long-poll' });
  });

  test('survives a restart of the service', async () => {
    await agent.start();
    await until(() => agent.count('connected') > 0);
    await server.restart();
    await server.topicLog.append(topics.verdicts, [block(60)]);
    await until(() => agent.holds(60));
    expect(agent.count('differs')).toBe(0);
  });

  test('gives up its blocks on the service’s own word alone', async () => {
    await server.topicLog.append(topics.verdicts, [block(70)]);
    await agent.start();
    await until(() => agent.holds(70) && agent.count('connected') > 0);
    const device = { kind: 'device', ...owner } as const;
    await server.topicLog.append(topics.control, [
      { ...device, version: 2, status: 'offboarded', entries: 'purge' },
    ]);
    expect(await agent.ended).toBe('offboarded');
    expect(agent.store?.size).toBe(0);
    await server.topicLog.append(topics.control, [{ ...device, version: 3, status: 'active' }]);
  });
});
