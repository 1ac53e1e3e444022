import type { RouteReply } from '../../platform/http/route.ts';
import type { VerdictItem } from './verdict-rows.ts';

/** In the order of the columns. */
const columns: readonly [name: string, value: (item: VerdictItem) => string | number | null][] = [
  ['recordedAt', (item) => item.recordedAt],
  ['decidedAt', (item) => item.decidedAt],
  ['expiresAt', (item) => item.expiresAt],
  ['id', (item) => item.id],
  ['revision', (item) => item.revision],
  ['decisionId', (item) => item.decisionId],
  ['artifact', (item) => item.artifact],
  ['kind', (item) => item.kind],
  ['fileName', (item) => item.fileName],
  ['verdict', (item) => item.verdict],
  ['action', (item) => item.action],
  ['blockFrom', (item) => item.blockFrom],
  ['reach', (item) => item.reach],
  ['threatName', (item) => item.threatName],
  ['severity', (item) => item.severity],
  ['reason', (item) => item.reason.code],
  ['deviceId', (item) => item.deviceId],
  ['detectionSource', (item) => item.detectionSource],
  ['reportId', (item) => item.reportId],
];

export type ExportFormat = 'csv' | 'ndjson';

const formats: Readonly<Record<string, ExportFormat | null>> = {
  'application/json': null,
  'text/csv': 'csv',
  'application/x-ndjson': 'ndjson',
};

/** @returns what the `Accept` header asks for beside JSON: of the types that it names the one of the highest quality (RFC 9110, 12.5.1) */
export function exportFormat(accept: string | undefined): ExportFormat | null {
  let best: { readonly type: string; readonly quality: number } = { type: 'application/json', quality: 0 };
  for (const part of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const quality = Number(parameters.find((text) => text.startsWith('q='))?.slice(2) ?? 1);
    if (type in formats && quality > best.quality) best = { type, quality };
  }
  return formats[best.type] ?? null;
}

/** @param nextUrl of the next page, for the `Link` header (RFC 8288) */
export function exportReply(
  format: ExportFormat,
  items: readonly VerdictItem[],
  nextUrl: string | null,
): RouteReply {
  const headers = nextUrl === null ? {} : { headers: { link: `<${nextUrl}>; rel="next"` } };
  if (format === 'ndjson') {
    const content = items.map((item) => `${JSON.stringify(item)}\n`).join('');
    return { status: 200, mediaType: 'application/x-ndjson', content, ...headers };
  }
  const lines = [
    columns.map(([name]) => name),
    ...items.map((item) => columns.map(([, value]) => value(item))),
  ];
  const content = lines.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
  return { status: 200, mediaType: 'text/csv; charset=utf-8; header=present', content, ...headers };
}

/**
 * One cell of RFC 4180. What a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises
 * against CSV injection: names of files are chosen by who attacks.
 */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  const safe =
    /^[=+\-@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]/.test(text) && typeof value === 'string' ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
