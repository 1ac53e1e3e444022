import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serviceFor } from '../../services/host/routing.ts';

export interface Upstream {
  readonly service: string;
  readonly port: number;
}

export interface Front {
  readonly url: string;
  stop(): Promise<void>;
}

const probeEveryMs = 500;
/** As the production proxy has it: longer than clients let a connection rest. */
const keepAliveMs = 75_000;

/**
 * One address in front of all services: passes each request to an instance of the service that answers it, in turn
 * among those that are ready. Production has a proxy of its own, with TLS, by the same table.
 */
export async function startFront(port: number, upstreams: () => readonly Upstream[]): Promise<Front> {
  const agent = new Agent({ keepAlive: true });
  const ready = new Set<number>();
  let turn = 0;
  const probe = async (): Promise<void> => {
    await Promise.all(
      upstreams().map(async (upstream) => {
        if (await isReady(upstream.port)) ready.add(upstream.port);
        else ready.delete(upstream.port);
      }),
    );
  };
  const able = (incoming: IncomingMessage): Upstream[] => {
    const service = serviceFor(incoming.method ?? 'GET', (incoming.url ?? '/').split('?')[0] ?? '/');
    const all = upstreams().filter((each) => each.service === service && ready.has(each.port));
    const first = (turn += 1) % all.length;
    return [...all.slice(first), ...all.slice(0, first)];
  };
  const server = createServer((incoming, answer) => pass(incoming, answer, able(incoming), agent));
  // Streams are open for hours; the services have time limits of their own.
  server.requestTimeout = 0;
  server.keepAliveTimeout = keepAliveMs;
  await probe();
  const probing = setInterval(() => void probe(), probeEveryMs);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      clearInterval(probing);
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

/** What may be asked twice goes on to the next instance when one is lost or refuses, as the production proxy does it. */
function pass(
  incoming: IncomingMessage,
  answer: ServerResponse,
  [first, ...others]: readonly Upstream[],
  agent: Agent,
): void {
  if (first === undefined) {
    refuse(answer);
    return;
  }
  const mayRepeat = incoming.method === 'GET' || incoming.method === 'HEAD';
  const goOn = (): void => pass(incoming, answer, mayRepeat ? others : [], agent);
  const outgoing = request(
    {
      host: '127.0.0.1',
      port: first.port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, 'x-forwarded-for': incoming.socket.remoteAddress ?? '' },
      agent,
    },
    (reply) => {
      if (reply.statusCode === 503 && mayRepeat && others.length > 0) {
        reply.resume();
        goOn();
        return;
      }
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      // What a stream says first must not wait for what it says next.
      answer.flushHeaders();
      reply.pipe(answer);
      reply.once('error', () => answer.destroy());
    },
  );
  outgoing.once('error', () => {
    if (answer.headersSent) answer.destroy();
    else if (!answer.closed) goOn();
  });
  answer.once('close', () => outgoing.destroy());
  if (mayRepeat) outgoing.end();
  else incoming.pipe(outgoing);
}

function refuse(answer: ServerResponse): void {
  const problem = {
    type: 'about:blank',
    title: 'No instance of the service is ready',
    status: 503,
    detail: 'Try again in a moment.',
    code: 'FB_NOT_READY',
    retryable: true,
  };
  answer.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '1' });
  answer.end(JSON.stringify(problem));
}

async function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(2000) }).then(
    (reply) => reply.ok,
    () => false,
  );
}
