/** PostgreSQL text takes every character but U+0000; unpaired surrogates become U+FFFD when the driver encodes them. */
export function storableText(text: string): string {
  return text.includes('\u0000') ? text.replaceAll('\u0000', '\uFFFD') : text;
}
