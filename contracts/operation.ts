import type { z } from 'zod';
import type { Role } from './domain.ts';

/** Who may call an operation: everybody, the operator, an enrolment key, a device, or a person of at least a role. */
export type Access =
  | { readonly kind: 'public' | 'operator' | 'enrollment' | 'device' }
  | { readonly kind: 'person'; readonly role: Role };

/** One call of the REST interface: routes, validation, authorization and the OpenAPI document are made from it. */
export interface Operation<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
> {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for path parameters. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly access: Access;
  readonly params?: Params;
  /** Strict: unknown parameters are refused. Absent: no parameter is taken. */
  readonly query?: Query;
  readonly body?: Body;
  /** The body is of this type and the route reads it itself as it comes; nothing of it is kept in memory before. */
  readonly takesBytes?: 'application/octet-stream' | 'application/json';
  /** Shown in the OpenAPI document instead of `body` where the route parses parts of it itself. */
  readonly bodyDocument?: z.ZodType;
  readonly answers: Readonly<
    Record<
      number,
      { readonly description: string; readonly schema?: z.ZodType; readonly mediaTypes?: readonly string[] }
    >
  >;
  /** As sent on the wire, for the OpenAPI document; tests hold them to the schemas. */
  readonly examples?: { readonly body?: unknown; readonly answers?: Readonly<Record<number, unknown>> };
}
