import { FirebreakError } from '../../contracts/errors.ts';
import { toFieldErrors } from '../../contracts/field-errors.ts';
import { JsonPruner } from '../../formats/json/json-pruner.ts';
import { capeReportSchema, capeReportShape, type CapeReport } from './report-schema.ts';

const mebibyte = 1024 * 1024;
/** Real reports nest about 12 levels. Lists, texts and all of it are cut above what the schema takes. */
const bounds = { depth: 64, items: 512, scalarBytes: 8192, keptBytes: 4 * mebibyte };

/**
 * Reads a CAPE report as it comes. Tens of MiB are mostly calls and strings that nobody looks at: what is kept in memory are
 * the parts that are used.
 *
 * @param mostBytes of the whole report, inflated
 * @throws FB_BODY_TOO_LARGE, FB_BODY_NOT_JSON, FB_BODY_TOO_DEEP; FB_BODY_INVALID with pointers where it is no CAPE report
 */
export async function readCapeReport(
  bytes: AsyncIterable<Uint8Array>,
  mostBytes: number,
): Promise<CapeReport> {
  const pruner = new JsonPruner(capeReportShape, bounds);
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostBytes)
      throw new FirebreakError(
        'FB_BODY_TOO_LARGE',
        `A report may have ${mostBytes} bytes, inflated; the calls of its processes may be left out.`,
      );
    pruner.push(chunk);
  }
  const parsed = capeReportSchema.safeParse(pruner.end());
  if (parsed.success) return parsed.data;
  throw new FirebreakError('FB_BODY_INVALID', 'This is no CAPE report.', {
    errors: toFieldErrors(parsed.error),
  });
}
