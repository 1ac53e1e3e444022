import { z } from 'zod';

/** Identifiers are branded: a tenant is never passed where a device is meant. Our own ids are UUIDv7 unless a docstring says how they are derived. */
export const tenantIdSchema = z.uuid().brand<'TenantId'>();
export type TenantId = z.infer<typeof tenantIdSchema>;

export const deviceIdSchema = z.uuid().brand<'DeviceId'>();
export type DeviceId = z.infer<typeof deviceIdSchema>;

/** Chosen by the device; unique there together with `@timestamp`. The case of its letters tells nothing (RFC 9562, section 4). */
export const reportIdSchema = z.uuid().toLowerCase().brand<'ReportId'>();
export type ReportId = z.infer<typeof reportIdSchema>;

/** Derived from artifact key, reach and subject (`entryId` in canonical.ts): the same verdict has the same id for ever. */
export const entryIdSchema = z.uuid().brand<'EntryId'>();
export type EntryId = z.infer<typeof entryIdSchema>;

/** Derived from what triggered the decision (`decisionId` in canonical.ts), so that a replay decides under the same id. */
export const decisionIdSchema = z.uuid().brand<'DecisionId'>();
export type DecisionId = z.infer<typeof decisionIdSchema>;

export const sampleIdSchema = z.uuid().brand<'SampleId'>();
export type SampleId = z.infer<typeof sampleIdSchema>;

export const overrideIdSchema = z.uuid().brand<'OverrideId'>();
export type OverrideId = z.infer<typeof overrideIdSchema>;

/** RFC 3339 in UTC with exactly three decimals, so that text order is time order. Input with other precision or offset is normalized. */
export const timestampSchema = z.iso
  .datetime({ offset: true })
  .refine((text) => !Number.isNaN(Date.parse(text)), 'a date that exists')
  .transform((text) => new Date(text).toISOString())
  .pipe(z.string().brand<'Timestamp'>());
export type Timestamp = z.infer<typeof timestampSchema>;

/** A timestamp as we wrote it ourselves: read back without normalizing. */
export const storedTimestampSchema = z
  .string()
  .regex(/^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  .brand<'Timestamp'>();

/** @param epochMs milliseconds since 1970-01-01T00:00:00Z. Throws RangeError outside of what a Date can hold. */
export function toTimestamp(epochMs: number): Timestamp {
  // In that form by definition (ECMA-262, Date.prototype.toISOString); checking it again would cost more than making it.
  return new Date(epochMs).toISOString() as Timestamp;
}

/** @returns milliseconds since 1970-01-01T00:00:00Z */
export function toEpochMs(timestamp: Timestamp): number {
  return Date.parse(timestamp);
}
