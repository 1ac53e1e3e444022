import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import { FirebreakError } from '../../contracts/errors.ts';
import type { OpenApiDocument } from '../../contracts/openapi.ts';
import { answerProblem } from './problem.ts';
import { systemPaths } from './system-routes.ts';

/** Knows which methods an address takes, whichever service answers them, to tell 405 from 404. Asked only when no route matched. */
export class PathTable {
  readonly #paths: readonly { readonly pattern: RegExp; readonly method: string }[];

  constructor({ paths }: Pick<OpenApiDocument, 'paths'>) {
    const system = Object.fromEntries(systemPaths.map((path) => [path, { get: {} }]));
    this.#paths = Object.entries({ ...system, ...paths }).flatMap(([path, methods]) => {
      const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`);
      return Object.keys(methods).map((method) => ({ method: method.toUpperCase(), pattern }));
    });
  }

  /** @returns the error for a request that matched nothing; sets `Allow` where another method would have */
  missing(request: FastifyRequest, reply: FastifyReply): FirebreakError {
    const [path = ''] = request.url.split('?', 1);
    const methods = this.#paths.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    // Taken, but by another service than the one that was asked: the proxy in front is at fault.
    if (methods.length === 0 || methods.includes(request.method))
      return new FirebreakError('FB_NOT_FOUND', 'There is nothing at this address.');
    const allowed = [...new Set(methods)].sort().join(', ');
    reply.header('allow', allowed);
    return new FirebreakError('FB_METHOD_NOT_ALLOWED', `Here one may ${allowed}.`);
  }
}

/** Answers what is not HTTP enough to have become a request: bad syntax, too long headers, a request that never ends. */
export function answerUnparsable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const large = error.code === 'HPE_HEADER_OVERFLOW';
  const detail = late
    ? 'The request took too long to arrive.'
    : large
      ? 'The headers are too large.'
      : 'This is not HTTP that can be read.';
  const { problem } = answerProblem(new FirebreakError('FB_HEADER_INVALID', detail), uuidv7());
  const line = late
    ? '408 Request Timeout'
    : large
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request';
  const body = JSON.stringify({ ...problem, status: Number(line.slice(0, 3)) });
  socket.end(
    `HTTP/1.1 ${line}\r\nDate: ${new Date().toUTCString()}\r\nConnection: close\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
