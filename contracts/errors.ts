import { z } from 'zod';

/** What a code means wherever it occurs. The code is the contract; title and detail are for people. */
interface ErrorDefinition {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  /** What whoever meets it does. */
  readonly remedy: string;
}

function define(status: number, title: string, remedy: string, retryable = false): ErrorDefinition {
  return { status, title, retryable, remedy };
}

export const errorDefinitions = {
  FB_BODY_NOT_JSON: define(400, 'The body is not JSON', 'Send one JSON document in UTF-8.'),
  FB_BODY_INVALID: define(
    400,
    'The body does not fit the schema',
    'Mend what `errors` names; `/openapi.json` has the schema.',
  ),
  FB_BODY_TOO_DEEP: define(
    400,
    'The body is nested too deeply',
    'Flatten it; the reports schema needs 7 levels.',
  ),
  FB_BODY_TOO_LARGE: define(413, 'The body is too large', 'Send smaller batches.'),
  FB_MEDIA_TYPE: define(
    415,
    'The media type or encoding is not supported',
    'Send `application/json` (a sample: `application/octet-stream`), plain or with `Content-Encoding: gzip`.',
  ),
  FB_QUERY_INVALID: define(
    400,
    'A query or path parameter is invalid',
    'Mend what `errors` names; unknown parameters are refused.',
  ),
  FB_HEADER_INVALID: define(400, 'A header is invalid', 'Mend the header that `detail` names.'),
  FB_CURSOR_INVALID: define(
    400,
    'The cursor is malformed or of another service',
    'Take a snapshot and go on with the cursor at its end.',
  ),
  FB_ARTIFACT_UNIDENTIFIED: define(
    400,
    'Nothing identifies the artifact',
    'Send a digest, the text, or the value of the artifact.',
  ),
  FB_HASH_CONFLICT: define(
    400,
    'Two digests of the same thing differ',
    'Send the digest once, or both alike.',
  ),
  FB_HASH_MISMATCH: define(
    400,
    'The content does not have the digest that is named',
    'Send it untouched: text as UTF-8 without byte order mark, a sample as it lies on the disk.',
  ),
  FB_REPORT_TOO_LARGE: define(
    413,
    'The report is too large',
    'Send the digest with head and tail of the text, and fewer events.',
  ),
  FB_UNKNOWN_FIELDS: define(
    400,
    'There are fields that ECS 9.1 does not have or this service does not take',
    'Leave them out, or do not ask for strict handling.',
  ),
  FB_CREDENTIAL_MISSING: define(401, 'No credential', 'Send `Authorization: Bearer …`.'),
  FB_CREDENTIAL_UNKNOWN: define(
    401,
    'The credential is unknown',
    'Enrol again. Keep the blocks in force meanwhile.',
  ),
  FB_CREDENTIAL_EXPIRED: define(401, 'The credential has expired', 'Ask for a new one.'),
  FB_DEVICE_OFFBOARDED: define(401, 'The device was off-boarded', 'Enrol again if that was a mistake.'),
  FB_TENANT_SUSPENDED: define(403, 'The organization is suspended', 'Talk to the operator.'),
  FB_ROLE_INSUFFICIENT: define(403, 'The role does not allow this', 'Ask an administrator.'),
  FB_NOT_FOUND: define(
    404,
    'There is no such thing, or not for this caller',
    'Check the address and the identifier.',
  ),
  FB_METHOD_NOT_ALLOWED: define(405, 'The method is not allowed here', 'See `/openapi.json`.'),
  FB_CONFLICT: define(409, 'It conflicts with what is there', 'Read the current state and decide again.'),
  FB_PRECONDITION_FAILED: define(
    412,
    'It has changed since it was read',
    'Read it again, make the change there, and send it with the new `ETag`.',
  ),
  FB_PRECONDITION_MISSING: define(
    428,
    'The request does not say what it replaces',
    'Read it first, and send its `ETag` as `If-Match`.',
  ),
  FB_OVERRIDE_QUOTA: define(409, 'The organization has as many overrides as it may', 'Take some back.'),
  FB_ENROLLMENT_KEY_USED_UP: define(
    409,
    'The enrolment key was used as often as it may be',
    'Make a new key.',
  ),
  FB_CONSENT_FORBIDS: define(
    409,
    'The organization’s policy does not let this sample be sent',
    'Do not send it again; an administrator sets `sampleConsent` with `PUT /v1/policy`.',
  ),
  FB_SAMPLE_UNREPORTED: define(
    409,
    'No device of the organization reported this file',
    'Report it first; history has a report moments after it was accepted.',
    true,
  ),
  FB_SAMPLE_QUOTA: define(
    409,
    'The organization has as many samples stored as it may',
    'Delete some with `DELETE /v1/samples/{sha256}`, or wait until some expire.',
  ),
  FB_SAMPLES_OFF: define(
    409,
    'Samples are not taken here',
    'Give the service a key with FIREBREAK_SAMPLE_KEYS, or do not send samples.',
  ),
  FB_SAMPLE_TOO_LARGE: define(413, 'The sample is too large', 'Do not send it again.'),
  FB_RATE_LIMITED: define(429, 'Too much at once', 'Wait as long as `Retry-After` says.', true),
  FB_OVERLOADED: define(
    503,
    'More requests wait than the service can keep',
    'Wait as long as `Retry-After` says.',
    true,
  ),
  FB_LOG_FULL: define(
    503,
    'The log has more queued than it may',
    'Wait as long as `Retry-After` says.',
    true,
  ),
  FB_LOG_UNAVAILABLE: define(
    503,
    'The log is away',
    'Wait as long as `Retry-After` says; nothing was accepted.',
    true,
  ),
  FB_RECORD_TOO_LARGE: define(413, 'The record is larger than the log takes', 'Send less in one report.'),
  FB_SIGNALS_UNAVAILABLE: define(
    503,
    'The store of cross-tenant signals is away',
    'Decisions go on with the tenant’s own evidence; bring the store back.',
    true,
  ),
  FB_DATABASE_UNAVAILABLE: define(503, 'The database is away', 'Wait as long as `Retry-After` says.', true),
  FB_NOT_READY: define(
    503,
    'The service is starting or stopping',
    'Wait as long as `Retry-After` says.',
    true,
  ),
  FB_SUBSCRIBERS_FULL: define(
    503,
    'This instance has as many subscribers as it may',
    'Wait as long as `Retry-After` says.',
    true,
  ),
  FB_INTERNAL: define(500, 'Something is wrong with the service', 'Report it with `requestId`.', true),
  FB_RECORD_UNREADABLE: define(
    500,
    'A record of the log cannot be read',
    'It lies in the dead letters, untouched; see `npm run dead-letters`.',
  ),
  FB_EFFECT_FAILED: define(
    500,
    'A record could not be processed',
    'It lies in the dead letters; mend the cause and replay it.',
  ),
  FB_SAMPLE_UNREADABLE: define(
    500,
    'A stored sample cannot be decrypted',
    'Give back the key that it was stored under (FIREBREAK_SAMPLE_KEYS), then replay the dead letter.',
  ),
  FB_CONFIG_INVALID: define(
    500,
    'The configuration is invalid',
    'Mend every line of the message; docs/reference/configuration.md has all keys.',
  ),
  FB_PORT_IN_USE: define(
    500,
    'The port is in use',
    'Choose another with FIREBREAK_HTTP_PORT, or stop what listens there.',
  ),
  FB_DATA_READ_ONLY: define(
    500,
    'The data folder cannot be written',
    'Make it writable or choose another with FIREBREAK_DATA_DIR.',
  ),
  FB_DATA_FOREIGN: define(
    500,
    'The data folder is not one of ours',
    'Choose an empty folder with FIREBREAK_DATA_DIR.',
  ),
  FB_DATA_NEWER: define(
    500,
    'The data folder was written by a newer version',
    'Start that version, or choose another folder.',
  ),
  FB_DATA_IN_USE: define(500, 'The data folder is in use by another process', 'Stop that process first.'),
  FB_POSTGRES_START: define(500, 'PostgreSQL did not start', 'Read the server log that the message names.'),
  FB_MIGRATION_CONFLICT: define(
    500,
    'The database does not fit the migrations',
    'Start the version that wrote it, or restore a back-up.',
  ),
  FB_TOPIC_CONFLICT: define(
    500,
    'A topic has another shape than the code expects',
    'Restore the topic, or start the version that made it.',
  ),
  FB_LOG_FENCED: define(500, 'Another writer took over the log', 'Stop one of the two.'),
  FB_MODEL_MISSING: define(
    500,
    'A model file is missing',
    'Restore the file, or train it again with `npm run train`.',
  ),
  FB_MODEL_ALTERED: define(
    500,
    'A model file is not the one that its manifest names',
    'Restore the file, or train it again with `npm run train`.',
  ),
} as const satisfies Record<`FB_${string}`, ErrorDefinition>;

export type ErrorCode = keyof typeof errorDefinitions;
export const errorCodes = Object.keys(errorDefinitions) as [ErrorCode, ...ErrorCode[]];
export const errorCodeSchema = z.enum(errorCodes);

export const fieldErrorSchema = z.object({
  pointer: z.string().describe('JSON pointer (RFC 6901) into the body, or the name of the parameter.'),
  detail: z.string(),
});
export type FieldError = z.infer<typeof fieldErrorSchema>;

/** RFC 9457 problem document. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: errorCodeSchema,
    retryable: z.boolean(),
    errors: z.array(fieldErrorSchema).optional(),
    requestId: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

/** An operational error: foreseen, with a code of the catalogue. Everything else that is thrown is a bug. */
export class FirebreakError extends Error {
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    options: {
      readonly errors?: readonly FieldError[];
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FirebreakError';
    this.code = code;
    this.errors = options.errors;
    this.retryAfterMs = options.retryAfterMs;
  }

  get retryable(): boolean {
    return errorDefinitions[this.code].retryable;
  }
}

/** Tells by the code, never by the class: an error may come from another realm or package copy. */
export function isFirebreakError(error: unknown): error is FirebreakError {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code in errorDefinitions
  );
}

/** @returns the problem document of an operational error, without `requestId` */
export function toProblem(error: FirebreakError): Problem {
  const { status, title, retryable } = errorDefinitions[error.code];
  return {
    type: `https://firebreak.dev/errors/${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    retryable,
    ...(error.errors && { errors: [...error.errors] }),
  };
}
