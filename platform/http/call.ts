import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { FirebreakError, type ErrorCode } from '../../contracts/errors.ts';
import { toFieldErrors } from '../../contracts/field-errors.ts';
import type { Operation } from '../../contracts/operation.ts';
import { continueTrace } from '../telemetry/trace.ts';
import { readBytes } from './read-bytes.ts';
import { isCompressed } from './read-json.ts';
import type { Principal, RouteRequest } from './route.ts';

/** A body as the content type parser leaves it. */
export interface ParsedBody {
  readonly json: unknown;
  readonly bytes: number;
}

/** Calls whose signal somebody looked at, to be told when the server drains. */
export class OpenCalls {
  readonly #controllers = new Set<AbortController>();
  #draining = false;

  /** Aborts every signal in use; signals asked for from now on are aborted already. */
  drain(): void {
    this.#draining = true;
    for (const controller of this.#controllers) controller.abort();
  }

  signalOf(reply: FastifyReply): AbortSignal {
    const controller = new AbortController();
    const { raw } = reply;
    if (this.#draining || raw.closed) {
      controller.abort();
      return controller.signal;
    }
    this.#controllers.add(controller);
    raw.once('close', () => {
      this.#controllers.delete(controller);
      if (!raw.writableFinished) controller.abort();
    });
    return controller.signal;
  }
}

/** A request on its way to a handler. What costs something and is seldom asked for is made when asked for. */
export class Call implements RouteRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly bodyBytes: number;
  readonly principal: Principal;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #open: OpenCalls;
  #traceparent: string | undefined;
  #signal: AbortSignal | undefined;

  /** @throws FB_QUERY_INVALID, FB_BODY_INVALID, FB_BODY_NOT_JSON with pointers */
  constructor(
    operation: Operation,
    request: FastifyRequest,
    reply: FastifyReply,
    principal: Principal,
    open: OpenCalls,
  ) {
    const body = operation.takesBytes !== undefined ? undefined : (request.body as ParsedBody | undefined);
    this.params = parseNamed(operation.params, request.params, 'path');
    this.query = parseNamed(operation.query, request.query, 'query');
    this.body = operation.body === undefined ? undefined : parseBody(operation.body, body);
    this.bodyBytes = body?.bytes ?? 0;
    this.principal = principal;
    this.headers = request.headers;
    this.requestId = request.id;
    this.#request = request;
    this.#reply = reply;
    this.#open = open;
  }

  bytes(): AsyncIterable<Buffer> {
    return readBytes(this.#request.raw, isCompressed(this.headers['content-encoding']));
  }

  get traceparent(): string {
    const received = this.headers['traceparent'];
    return (this.#traceparent ??= continueTrace(Array.isArray(received) ? received[0] : received));
  }

  get signal(): AbortSignal {
    return (this.#signal ??= this.#open.signalOf(this.#reply));
  }
}

function parseBody(schema: z.ZodType, body: ParsedBody | undefined): unknown {
  if (body === undefined) throw new FirebreakError('FB_BODY_NOT_JSON', 'There is no body.');
  return parseWith(schema, body.json, 'FB_BODY_INVALID', 'The body does not fit the schema.', '');
}

function parseNamed(schema: z.ZodType | undefined, value: unknown, place: 'path' | 'query'): unknown {
  const given = value as Readonly<Record<string, unknown>>;
  if (schema === undefined) {
    const [unknown] = Object.keys(given);
    if (unknown === undefined || place === 'path') return undefined;
    throw new FirebreakError('FB_QUERY_INVALID', 'No query parameter is taken here.', {
      errors: Object.keys(given)
        .slice(0, 20)
        .map((name) => ({ pointer: name, detail: 'This parameter is not known here.' })),
    });
  }
  return parseWith(schema, given, 'FB_QUERY_INVALID', `A ${place} parameter is invalid.`, 'name');
}

function parseWith(
  schema: z.ZodType,
  value: unknown,
  code: ErrorCode,
  detail: string,
  style: 'name' | '',
): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = toFieldErrors(parsed.error);
  const named =
    style === 'name' ? errors.map((error) => ({ ...error, pointer: error.pointer.slice(1) })) : errors;
  throw new FirebreakError(code, detail, { errors: named });
}
