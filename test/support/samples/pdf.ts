import { deflateSync } from 'node:zlib';

/** A page, and a packed stream with more objects. */
export function buildPdf(catalogue: string, packed = ''): Buffer {
  const stream = deflateSync(Buffer.from(packed, 'latin1'));
  return Buffer.concat([
    Buffer.from(
      `%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R ${catalogue} >>\nendobj\n` +
        `2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n` +
        `3 0 obj\n<< /Filter /FlateDecode /Length ${stream.length} >>\nstream\n`,
      'latin1',
    ),
    stream,
    Buffer.from('\nendstream\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n', 'latin1'),
  ]);
}
