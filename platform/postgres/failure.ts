import { FirebreakError, isFirebreakError } from '../../contracts/errors.ts';

/**
 * SQLSTATE classes that say nothing about the statement: connection (08), transaction rollback such as deadlock (40),
 * out of resources (53), operator intervention such as shutdown or a time limit (57), system error (58), and a lock
 * that was not free in time (55P03).
 */
const passingStates = /^(?:08|40|53|57|58)|^55P03$/;
/** What sockets say. */
const socketCodes = /^E[A-Z_]+$/;
/** What the driver says without any code. */
const driverTexts =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Query read timeout|The connection is lost)/;

/** @returns whether the database could not be reached or could not serve, as opposed to refusing the statement */
export function isDatabaseAway(error: unknown): boolean {
  if (isFirebreakError(error)) return error.code === 'FB_DATABASE_UNAVAILABLE';
  const { code, message } = facts(error);
  if (typeof code === 'string') return passingStates.test(code) || socketCodes.test(code);
  return typeof message === 'string' && driverTexts.test(message);
}

/** Runs `work`, and turns a database that is away into FB_DATABASE_UNAVAILABLE; any other error is thrown as it is. */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isFirebreakError(cause) || !isDatabaseAway(cause)) throw cause;
    throw new FirebreakError('FB_DATABASE_UNAVAILABLE', 'The database does not answer. Try again.', {
      cause,
      retryAfterMs: 1_000,
    });
  }
}

function facts(error: unknown): { readonly code?: unknown; readonly message?: unknown } {
  return typeof error === 'object' && error !== null ? error : {};
}
