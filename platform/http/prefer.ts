/** What a client would like (RFC 7240), as far as anything here honours it. */
export interface Preferences {
  /** `wait`: seconds; null when it was not asked for. */
  readonly waitSeconds: number | null;
  /** `handling=strict`. */
  readonly strict: boolean;
}

/** Splits at a separator that does not stand in a quoted string. */
const members = /(?:"(?:\\.|[^"\\])*"|[^",])+/g;
const parts = /(?:"(?:\\.|[^"\\])*"|[^";])+/g;

/**
 * Reads the `Prefer` header. Of a preference named twice the first counts; one that cannot be read is as if it were not
 * there (RFC 7240 section 2).
 * @param header several of them as Node joins them, by commas
 */
export function parsePrefer(header: string | readonly string[] | undefined): Preferences {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  const found = new Map<string, string>();
  for (const [member] of text.matchAll(members)) {
    const [first = ''] = member.match(parts) ?? [];
    const equals = first.indexOf('=');
    const name = (equals < 0 ? first : first.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? '' : unquote(first.slice(equals + 1).trim());
    if (name !== '' && !found.has(name)) found.set(name, value);
  }
  const wait = found.get('wait') ?? '';
  return {
    waitSeconds: /^\d{1,9}$/.test(wait) ? Number(wait) : null,
    strict: found.get('handling')?.toLowerCase() === 'strict',
  };
}

function unquote(value: string): string {
  return value.startsWith('"') && value.endsWith('"') && value.length > 1
    ? value.slice(1, -1).replace(/\\(.)/g, '$1')
    : value;
}
