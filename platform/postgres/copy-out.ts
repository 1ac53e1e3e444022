import type pg from 'pg';

/** `PGCOPY\n\xff\r\n\0`, flags, length of an extension that there is not. */
const headerBytes = 19;

/**
 * Runs a query and returns its rows as the server holds them, each column as bytes in PostgreSQL's binary format: a
 * bytea as it is, an int4 or int8 big endian. The driver reads the columns of an ordinary query as text, which for
 * large bytea values costs twice the time on both sides.
 *
 * @param select without parameters; what goes into its text must not come from outside
 * @param expectedBytes of the whole answer, so that it is copied once; more is no error. The rows share its memory
 * @see https://www.postgresql.org/docs/current/sql-copy.html (Binary Format)
 */
export async function copyOut(
  pool: pg.Pool,
  select: string,
  expectedBytes = 65_536,
): Promise<readonly (readonly (Buffer | null)[])[]> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    const copy = new CopyOut(`copy (${select}) to stdout (format binary)`, expectedBytes);
    client.query(copy);
    return readRows(await copy.done);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // A client that failed is not kept: in the middle of a copy its state is not worth finding out.
    client.release(failure);
  }
}

interface QueryConnection {
  query(text: string): void;
}

/** What the driver calls on whatever it is given as a query. */
class CopyOut {
  readonly done: Promise<Buffer>;
  readonly #text: string;
  #bytes: Buffer;
  #length = 0;
  #resolve: (bytes: Buffer) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(text: string, expectedBytes: number) {
    this.#text = text;
    this.#bytes = Buffer.allocUnsafeSlow(expectedBytes);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: QueryConnection): void {
    connection.query(this.#text);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const end = this.#length + chunk.length;
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    // The driver uses the memory of the chunk again.
    chunk.copy(this.#bytes, this.#length);
    this.#length = end;
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#bytes.subarray(0, this.#length));
  }

  handleError(error: unknown): void {
    this.#reject(error);
  }

  handleCommandComplete(): void {
    // `handleReadyForQuery` follows.
  }
}

function readRows(bytes: Buffer): readonly (readonly (Buffer | null)[])[] {
  const rows: (Buffer | null)[][] = [];
  let at = headerBytes;
  for (;;) {
    const columns = bytes.readInt16BE(at);
    at += 2;
    if (columns === -1) return rows;
    rows.push(
      Array.from({ length: columns }, () => {
        const length = bytes.readInt32BE(at);
        at += 4;
        if (length === -1) return null;
        const column = bytes.subarray(at, at + length);
        at += length;
        return column;
      }),
    );
  }
}
