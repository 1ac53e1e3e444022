import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { problemSchema, type Problem } from '../../contracts/errors.ts';

/** Where the service is and who calls. */
export interface ServiceAddress {
  readonly baseUrl: string;
  /** Device credential, enrolment key, or a person's token. */
  readonly token: string;
  readonly fetch?: typeof globalThis.fetch;
  /** Called with the `Date` of each answer, in epoch milliseconds (whole seconds), and the length of the round trip. */
  readonly onContact?: (serverMs: number, roundTripMs: number) => void;
}

export interface ServiceRequest<Answer> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Sent as they are, instead of `body`. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the answer must be; absent where none is read. */
  readonly answer?: z.ZodType<Answer>;
  /** Bounds one attempt. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryRule>;
  readonly signal?: AbortSignal;
}

export interface ServiceAnswer<Answer> {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where the answer has no body (204, 304) or none was asked for. */
  readonly value: Answer | undefined;
}

/** How often a call is tried, and how long the pauses are. */
export interface RetryRule {
  readonly attempts: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}
const defaultRetry: RetryRule = { attempts: 4, firstPauseMs: 200, longestPauseMs: 10_000 };
const defaultTimeoutMs = 20_000;

/**
 * Why a call has no answer. `problem`: the service refused, with a problem document. `unreachable`: nobody answered.
 * `foreign`: somebody answered who is not the service, such as a proxy; it says nothing about the credential.
 */
export class ServiceError extends Error {
  readonly kind: 'problem' | 'unreachable' | 'foreign';
  readonly status: number | null;
  readonly problem: Problem | null;
  readonly retryable: boolean;
  readonly retryAfterMs: number;

  constructor(
    kind: ServiceError['kind'],
    message: string,
    facts: {
      readonly status?: number;
      readonly problem?: Problem;
      readonly retryable: boolean;
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: facts.cause });
    this.name = 'ServiceError';
    this.kind = kind;
    this.status = facts.status ?? null;
    this.problem = facts.problem ?? null;
    this.retryable = facts.retryable;
    this.retryAfterMs = facts.retryAfterMs ?? 0;
  }
}

/**
 * One call of the REST interface. Retryable failures are tried again after a pause with full jitter that doubles each
 * time and is never shorter than `Retry-After`.
 * @throws ServiceError when no attempt succeeded; the reason of `signal` when it fires
 */
export async function callService<Answer = unknown>(
  address: ServiceAddress,
  request: ServiceRequest<Answer>,
): Promise<ServiceAnswer<Answer>> {
  const rule = { ...defaultRetry, ...request.retry };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attemptCall(address, request);
    } catch (error) {
      if (!(error instanceof ServiceError) || !error.retryable || attempt >= rule.attempts) throw error;
      const ceilingMs = Math.min(rule.longestPauseMs, rule.firstPauseMs * 2 ** (attempt - 1));
      await sleep(error.retryAfterMs + Math.random() * ceilingMs, undefined, { signal: request.signal });
    }
  }
}

async function attemptCall<Answer>(
  address: ServiceAddress,
  request: ServiceRequest<Answer>,
): Promise<ServiceAnswer<Answer>> {
  const timeout = AbortSignal.timeout(request.timeoutMs ?? defaultTimeoutMs);
  const startedMs = performance.now();
  let response: Response;
  let text: string;
  try {
    response = await (address.fetch ?? globalThis.fetch)(new URL(request.path, address.baseUrl), {
      method: request.method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${address.token}`,
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
        ...(request.bytes !== undefined && { 'content-type': 'application/octet-stream' }),
        ...request.headers,
      },
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      ...(request.bytes !== undefined && { body: request.bytes }),
      signal: request.signal ? AbortSignal.any([request.signal, timeout]) : timeout,
      redirect: 'error',
    });
    text = await response.text();
  } catch (cause) {
    request.signal?.throwIfAborted();
    throw new ServiceError('unreachable', `Nobody answers at ${address.baseUrl}.`, {
      retryable: true,
      cause,
    });
  }
  const answer = readAnswer(address, request, response, text);
  const serverMs = Date.parse(response.headers.get('date') ?? '');
  if (!Number.isNaN(serverMs)) address.onContact?.(serverMs, performance.now() - startedMs);
  return answer;
}

function readAnswer<Answer>(
  { baseUrl }: ServiceAddress,
  request: ServiceRequest<Answer>,
  response: Response,
  text: string,
): ServiceAnswer<Answer> {
  const { status, headers } = response;
  const json = parseJson(text);
  if (status >= 400) throw refusal(baseUrl, response, json);
  if (text === '' || request.answer === undefined) return { status, headers, value: undefined };
  const read = request.answer.safeParse(json);
  if (read.success) return { status, headers, value: read.data };
  throw new ServiceError('foreign', `What answers at ${baseUrl} does not speak Firebreak v1.`, {
    status,
    retryable: false,
    cause: read.error,
  });
}

function refusal(baseUrl: string, response: Response, json: unknown): ServiceError {
  const { status } = response;
  const retryAfterMs = 1000 * Math.max(0, Number(response.headers.get('retry-after') ?? 0) || 0);
  const read = problemSchema.safeParse(json);
  if (read.success) {
    const { detail, retryable } = read.data;
    return new ServiceError('problem', detail, { status, problem: read.data, retryable, retryAfterMs });
  }
  const message = `${baseUrl} answers ${status} without a problem document; a proxy may stand between.`;
  return new ServiceError('foreign', message, {
    status,
    retryable: status >= 500 || status === 429,
    retryAfterMs,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
