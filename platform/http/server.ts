import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import { FirebreakError } from '../../contracts/errors.ts';
import { groupBy } from '../../contracts/group-by.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { Part } from '../lifecycle/part.ts';
import { bearerToken, routeFor } from './admit.ts';
import { BodyTurns } from './body-turns.ts';
import { Call, OpenCalls, type ParsedBody } from './call.ts';
import type { HttpEvents } from './events.ts';
import { answerUnparsable, PathTable } from './fallback.ts';
import { answerProblem, toFirebreakError } from './problem.ts';
import { checkMediaType, inflateBody, isCompressed, parseJson } from './read-json.ts';
import { readOff } from './read-off.ts';
import { sendReply } from './send-reply.ts';
import type { Authenticator, Principal, Route } from './route.ts';
import { registerSystemRoutes, type SystemOptions } from './system-routes.ts';

export interface HttpServerOptions extends SystemOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly routes: readonly Route[];
  readonly authenticator: Authenticator;
  readonly limits: Pick<
    Limits,
    'bodyBytes' | 'inflatedBodyBytes' | 'waitingBodyBytes' | 'depth' | 'sampleBytes' | 'detonationBytes'
  >;
  readonly events: HttpEvents;
  /** How long running calls may go on when the server stops, in milliseconds. */
  readonly drainMs: number;
}

/** Time for a client to send what it announced, and a proxy to reuse a connection (longer than the 60 s of common ones). */
const timeouts = { headersMs: 10_000, requestMs: 30_000, keepAliveMs: 75_000 } as const;
const maxHeaderBytes = 16 * 1024;
/** An artifact key, percent-encoded. */
const maxParamLength = 1024;

/** The principal that the first hook found, for the handler. */
const admitted = Symbol('admitted');
interface Admitted {
  readonly route: Route;
  readonly principal: Principal;
}

/**
 * Serves the routes: who calls is proved before a byte of the body is read; then the body is bounded, inflated, parsed
 * and validated; every failure is a problem document. Modes: created -start-> serving -stop-> draining -> stopped.
 * While draining, running calls are told by their signal and new ones get FB_NOT_READY.
 */
export class HttpServer implements Part {
  readonly name = 'http';
  readonly #options: HttpServerOptions;
  readonly #app: FastifyInstance;
  readonly #open = new OpenCalls();
  readonly #turns: BodyTurns;
  /** Connections that have not asked for anything yet. Node counts them as busy and would wait for their request. */
  readonly #unused = new Set<Socket>();
  #draining = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { limits } = options;
    this.#turns = new BodyTurns(limits.waitingBodyBytes);
    this.#app = Fastify({
      logger: false,
      bodyLimit: limits.bodyBytes,
      genReqId: () => uuidv7(),
      forceCloseConnections: 'idle',
      return503OnClosing: false,
      exposeHeadRoutes: false,
      keepAliveTimeout: timeouts.keepAliveMs,
      requestTimeout: timeouts.requestMs,
      http: { maxHeaderSize: maxHeaderBytes, headersTimeout: timeouts.headersMs },
      routerOptions: { maxParamLength },
      frameworkErrors: (error, request, reply) => {
        this.#fail(error, request, reply);
      },
      clientErrorHandler: answerUnparsable,
    });
  }

  /** @throws FB_PORT_IN_USE */
  async start(): Promise<void> {
    const app = this.#app;
    const { routes, host, port } = this.#options;
    app.decorateRequest(admitted, null);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer) =>
      this.#read(request, body),
    );
    app.setErrorHandler(async (error, request, reply) => {
      if (toFirebreakError(error).code === 'FB_BODY_TOO_LARGE')
        await readOff(request.raw, 4 * this.#options.limits.bodyBytes);
      return this.#fail(error, request, reply);
    });
    const paths = new PathTable(this.#options.openApi);
    app.setNotFoundHandler((request, reply) => this.#fail(paths.missing(request, reply), request, reply));
    for (const group of groupRoutes(routes)) {
      const takesBytes = group.routes.some(({ operation }) => operation.takesBytes !== undefined);
      if (takesBytes) await app.register(async (scope) => this.#registerBytes(scope, group));
      else this.#register(app, group);
    }
    registerSystemRoutes(app, this.#options);
    this.#watchConnections();
    try {
      await app.listen({ host, port });
    } catch (error) {
      await app.close();
      throw listenError(error, host, port);
    }
  }

  /** Lets running calls finish for `drainMs`, then closes their connections; those that ask for nothing close at once. */
  async stop(): Promise<void> {
    this.#draining = true;
    this.#open.drain();
    for (const socket of this.#unused) socket.destroy();
    const closing = this.#app.close();
    const timer = setTimeout(() => this.#app.server.closeAllConnections(), this.#options.drainMs);
    await closing;
    clearTimeout(timer);
  }

  /** Where it listens, such as `http://127.0.0.1:8080`. */
  get url(): string {
    const address = this.#app.server.address() as AddressInfo | null;
    if (address === null) throw new Error('The server does not listen.');
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  #watchConnections(): void {
    this.#app.server.on('connection', (socket: Socket) => {
      if (this.#draining) socket.destroy();
      this.#unused.add(socket);
      socket.once('close', () => this.#unused.delete(socket));
    });
    this.#app.server.on('request', ({ socket }) => this.#unused.delete(socket));
  }

  /** The body is left where it is: the route reads it as it comes. */
  #registerBytes(scope: FastifyInstance, group: RouteGroup): void {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    this.#register(scope, group);
  }

  #register(app: FastifyInstance, { method, url, operationId, routes }: RouteGroup): void {
    const { events, authenticator, limits } = this.#options;
    const mostBytes = Math.max(limits.sampleBytes, limits.detonationBytes);
    const isPublic = routes.every(({ operation }) => operation.access.kind === 'public');
    app.route({
      method: isPublic && method === 'GET' ? ['GET', 'HEAD'] : method,
      url,
      onRequest: async (request: FastifyRequest) => {
        const { headers } = request;
        if (this.#draining && !isPublic) throw new FirebreakError('FB_NOT_READY', 'The service is stopping.');
        const principal: Principal = isPublic
          ? { kind: 'public' }
          : await authenticator.authenticate(bearerToken(headers.authorization));
        const route = routeFor(routes, principal);
        const { body, takesBytes } = route.operation;
        if (body || takesBytes)
          checkMediaType(headers['content-type'], headers['content-encoding'], takesBytes);
        request.setDecorator<Admitted>(admitted, { route, principal });
      },
      onResponse: (_request, reply, done) => {
        events.answered(operationId, reply.statusCode, reply.elapsedTime);
        done();
      },
      handler: async (request, reply) => {
        const { route, principal } = request.getDecorator<Admitted>(admitted);
        const call = new Call(route.operation, request, reply, principal, this.#open);
        const handled = route.handle(call);
        if (route.operation.takesBytes === undefined) return sendReply(reply, await handled);
        return sendReply(reply, await handled.finally(() => leaveBody(request.raw, reply, 2 * mostBytes)));
      },
    });
  }

  async #read(request: FastifyRequest, body: Buffer): Promise<ParsedBody | undefined> {
    const { limits } = this.#options;
    // Null where no route matched: what was sent there is nobody's.
    const { route } = request.getDecorator<Admitted | null>(admitted) ?? {};
    if (route?.operation.body === undefined) return undefined;
    const bytes = isCompressed(request.headers['content-encoding'])
      ? await inflateBody(body, limits.inflatedBodyBytes)
      : body;
    await this.#turns.take(bytes.length);
    return { json: parseJson(bytes, limits), bytes: bytes.length };
  }

  #fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const known = toFirebreakError(error);
    const { status, headers, problem } = answerProblem(known, request.id);
    this.#options.events.failed(known, status, request.id);
    return reply
      .code(status)
      .headers(headers)
      .header('content-type', 'application/problem+json')
      .send(JSON.stringify(problem));
  }
}

/** What the route did not read is read off, or the connection is given up after the answer. */
async function leaveBody(request: IncomingMessage, reply: FastifyReply, mostBytes: number): Promise<void> {
  await readOff(request, mostBytes);
  if (!request.complete) reply.header('connection', 'close');
}

/** Routes that share method and path: who calls decides which one answers. */
interface RouteGroup {
  readonly method: Route['operation']['method'];
  readonly url: string;
  readonly operationId: string;
  readonly routes: readonly Route[];
}

function groupRoutes(routes: readonly Route[]): readonly RouteGroup[] {
  const groups = groupBy(routes, ({ operation }) => `${operation.method} ${operation.path}`);
  return [...groups.values()].flatMap((members) => {
    const operation = members[0]?.operation;
    if (operation === undefined) return [];
    const url = operation.path.replace(/\{([^}]+)\}/g, ':$1');
    return [{ method: operation.method, url, operationId: operation.id, routes: members }];
  });
}

function listenError(error: unknown, host: string, port: number): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return new FirebreakError('FB_PORT_IN_USE', `Something listens on ${host}:${port} already.`, {
      cause: error,
    });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EACCES') {
    const detail = `Listening on ${host}:${port} is not possible (${code}): change FIREBREAK_HTTP_HOST or FIREBREAK_HTTP_PORT.`;
    return new FirebreakError('FB_CONFIG_INVALID', detail, { cause: error });
  }
  return error;
}
