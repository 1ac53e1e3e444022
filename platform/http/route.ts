import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Role } from '../../contracts/domain.ts';
import type { DeviceId, TenantId } from '../../contracts/ids.ts';
import type { Operation } from '../../contracts/operation.ts';

/** Who calls, proved by the bearer token. The tenant always comes from here, never from a body. */
export type Principal =
  | { readonly kind: 'public' }
  | { readonly kind: 'operator' }
  | {
      readonly kind: 'enrollment';
      readonly tenantId: TenantId;
      readonly keyId: string;
      readonly tags: readonly string[];
    }
  | {
      readonly kind: 'device';
      readonly tenantId: TenantId;
      readonly deviceId: DeviceId;
      readonly credentialId: string;
    }
  | {
      readonly kind: 'person';
      readonly tenantId: TenantId;
      readonly tokenId: string;
      readonly name: string;
      readonly role: Role;
    };
export type PrincipalKind = Principal['kind'];

/** Finds out who a token belongs to. Rejects with FB_CREDENTIAL_UNKNOWN, _EXPIRED, FB_DEVICE_OFFBOARDED, or FB_DATABASE_UNAVAILABLE. */
export interface Authenticator {
  authenticate(token: string): Promise<Principal>;
}

export interface RouteRequest<
  Params = unknown,
  Query = unknown,
  Body = unknown,
  Kind extends PrincipalKind = PrincipalKind,
> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Extract<Principal, { kind: Kind }>;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  /** Bytes of the body after inflating; 0 without one. */
  readonly bodyBytes: number;
  /** The bytes of the body, inflated, as they come; of operations that take bytes, to be read once. */
  readonly bytes: () => AsyncIterable<Buffer>;
  /** W3C trace context for what this call causes. */
  readonly traceparent: string;
  /** Aborts when the caller goes away, and when the server drains: who holds the call then answers it at once. */
  readonly signal: AbortSignal;
}

/** A JSON answer, a ready body of another type, or a stream that the route writes itself. */
export type RouteReply =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly json?: unknown }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly mediaType: string;
      readonly content: string | Buffer | AsyncIterable<string | Buffer>;
    }
  | { readonly take: (response: ServerResponse) => void };

/** An operation of the contract together with what answers it. */
export interface Route {
  readonly operation: Operation;
  readonly handle: (request: RouteRequest) => Promise<RouteReply>;
}

type Parsed<Schema extends z.ZodType | undefined> = Schema extends z.ZodType ? z.infer<Schema> : undefined;

/** Binds a handler to its operation: parameters, query and body arrive parsed and typed, the principal is of the kind that the operation admits. */
export function route<O extends Operation>(
  operation: O,
  handle: (
    request: RouteRequest<Parsed<O['params']>, Parsed<O['query']>, Parsed<O['body']>, O['access']['kind']>,
  ) => Promise<RouteReply>,
): Route {
  return { operation, handle: handle as unknown as Route['handle'] };
}
