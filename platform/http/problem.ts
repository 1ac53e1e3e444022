import {
  errorDefinitions,
  FirebreakError,
  isFirebreakError,
  toProblem,
  type Problem,
} from '../../contracts/errors.ts';

/** What an error becomes on the wire. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly problem: Problem;
}

const defaultRetryMs = 2000;

/**
 * @param error anything thrown; what is not of the catalogue and not of the HTTP layer is a bug and says nothing of itself
 * @param random from 0 up to 1, spreads those who were sent away over twice the time
 */
export function answerProblem(error: unknown, requestId: string, random = Math.random()): ProblemAnswer {
  const known = toFirebreakError(error);
  const { remedy } = errorDefinitions[known.code];
  const problem = toProblem(known);
  const { status } = problem;
  // Messages of server errors name files, hosts and statements: those are for the log.
  const shown = status >= 500 ? { ...problem, detail: remedy, errors: undefined } : problem;
  return { status, headers: problemHeaders(known, status, random), problem: { ...shown, requestId } };
}

function problemHeaders(error: FirebreakError, status: number, random: number): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="firebreak"';
  if (status === 413) headers['connection'] = 'close';
  if (status === 429 || status === 503) {
    const waitMs = (error.retryAfterMs ?? defaultRetryMs) * (1 + random);
    headers['retry-after'] = String(Math.max(1, Math.ceil(waitMs / 1000)));
  }
  return headers;
}

/** @returns the error itself when it is of the catalogue, its counterpart when the HTTP layer threw it, else FB_INTERNAL */
export function toFirebreakError(error: unknown): FirebreakError {
  if (isFirebreakError(error)) return error;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new FirebreakError('FB_BODY_TOO_LARGE', 'The body is larger than is taken on the wire.');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new FirebreakError(
        'FB_HEADER_INVALID',
        'The body has another length than `Content-Length` says.',
      );
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new FirebreakError('FB_MEDIA_TYPE', 'The body must be `application/json` in UTF-8.');
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new FirebreakError('FB_QUERY_INVALID', 'The address is not one that can be read.');
    default:
      return new FirebreakError('FB_INTERNAL', 'Not foreseen.', { cause: error });
  }
}
