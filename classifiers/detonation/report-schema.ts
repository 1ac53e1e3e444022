import { z } from 'zod';
import { sha256Schema } from '../../contracts/artifact.ts';
import type { JsonShape } from '../../formats/json/json-pruner.ts';

/**
 * The parts of a CAPE report (`report.json`) that are used. Everything else is let through unread, for versions of CAPE
 * differ; what is used is bounded, and an element that does not fit is left out instead of failing the report.
 */
const name = z.string().max(256);
const text = z.string().max(1024);

/** A list that drops what does not fit its element, and all beyond `most`. */
function lenient<Element extends z.ZodType>(element: Element, most: number) {
  return z
    .array(z.unknown())
    .transform((values) =>
      values.slice(0, most).flatMap((value) => {
        const parsed = element.safeParse(value);
        return parsed.success ? [parsed.data] : [];
      }),
    )
    .catch([]);
}

const signatureSchema = z.object({
  name,
  description: text.catch(''),
  severity: z.number().min(0).max(5).catch(1),
  confidence: z.number().min(0).max(100).catch(50),
  weight: z.number().min(0).max(10).catch(1),
  categories: lenient(name, 32),
  families: lenient(name, 32),
});
export type CapeSignature = z.infer<typeof signatureSchema>;

/** Versions write either one entry for a signature with its techniques, or one for each pair. */
const techniqueSchema = z.union([
  z.object({ signature: name, ttp: name }).transform(({ signature, ttp }) => ({ signature, ttps: [ttp] })),
  z.object({ signature: name, ttps: lenient(name, 32) }),
]);

const detectionSchema = z.union([
  name.transform((family) => ({ family, by: [] as string[] })),
  z
    .object({ family: name, details: lenient(z.record(name, z.unknown()), 64) })
    .transform(({ family, details }) => ({ family, by: details.flatMap((detail) => Object.keys(detail)) })),
]);

const payloadSchema = z.object({
  name: text.catch(''),
  sha256: sha256Schema.optional().catch(undefined),
  cape_type: text.catch(''),
  cape_yara: lenient(z.object({ name }), 32),
});

/** The families whose configuration was found; what stands in it is nobody's business here. */
const configurationSchema = z.record(name, z.unknown()).transform((found) => Object.keys(found));

const processSchema = z.object({
  process_id: z.number().catch(0),
  process_name: name.catch(''),
  calls: z
    .array(z.unknown())
    .transform((calls) => calls.length)
    .catch(0),
});

const fileSchema = z.object({ sha256: sha256Schema.optional().catch(undefined) });

export const capeReportSchema = z.object({
  info: z.object({
    version: name.optional().catch(undefined),
    id: z.int().nonnegative().optional().catch(undefined),
  }),
  target: z
    .object({ category: name.catch(''), file: fileSchema.optional().catch(undefined) })
    .optional()
    .catch(undefined),
  malscore: z.number().min(0).max(10).optional().catch(undefined),
  signatures: lenient(signatureSchema, 512),
  ttps: lenient(techniqueSchema, 512),
  detections: z
    .union([z.array(z.unknown()), z.string().transform((family) => [family])])
    .pipe(lenient(detectionSchema, 64))
    .catch([]),
  CAPE: z
    .object({ payloads: lenient(payloadSchema, 256), configs: lenient(configurationSchema, 64) })
    .catch({ payloads: [], configs: [] }),
  behavior: z.object({ processes: lenient(processSchema, 512) }).catch({ processes: [] }),
});
export type CapeReport = z.infer<typeof capeReportSchema>;

/** The members of a report that the schema knows: all else is passed over unread, however large it is. */
export const capeReportShape: JsonShape = {
  info: { version: {}, id: {} },
  target: { category: {}, file: { sha256: {} } },
  malscore: {},
  signatures: {
    ...{ name: {}, description: {}, severity: {}, confidence: {}, weight: {} },
    ...{ categories: {}, families: {} },
  },
  ttps: { signature: {}, ttp: {}, ttps: {} },
  detections: { family: {}, details: { '*': null } },
  CAPE: {
    payloads: { name: {}, sha256: {}, cape_type: {}, cape_yara: { name: {} } },
    configs: { '*': null },
  },
  behavior: { processes: { process_id: {}, process_name: {}, calls: {} } },
};
