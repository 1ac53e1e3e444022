import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';

/** One row of a table: column name to text, as it stands in the file. */
export type Row = Readonly<Record<string, string>>;

async function* lines(path: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  const input = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}

/** Reads a CSV file with a header line, plain or gzip. Fields may be quoted; a quoted field does not span lines. */
export async function* readCsv(path: string): AsyncGenerator<Row> {
  let columns: readonly string[] | undefined;
  for await (const line of lines(path)) {
    if (line === '') continue;
    const fields = splitCsv(line);
    if (columns === undefined) columns = fields;
    else yield Object.fromEntries(columns.map((column, index) => [column, fields[index] ?? '']));
  }
}

/** Reads JSON lines, plain or gzip. A line that is no JSON object throws: training on half a file would go unseen. */
export async function* readJsonLines(path: string): AsyncGenerator<Readonly<Record<string, unknown>>> {
  for await (const line of lines(path)) {
    if (line === '') continue;
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null)
      throw new TypeError(`${path} holds a line that is no object`);
    yield Object.fromEntries(Object.entries(value));
  }
}

function splitCsv(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(',');
  return Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
  );
}
