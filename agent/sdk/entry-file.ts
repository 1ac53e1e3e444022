import { createReadStream } from 'node:fs';
import { open, rename, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { entrySchema, revocationSchema, type Entry } from '../../contracts/entry.ts';
import { deviceIdSchema, tenantIdSchema } from '../../contracts/ids.ts';
import { cursorSchema, stateDigestSchema } from '../../contracts/stream.ts';
import type { StateChange } from '../../engine/stream/change.ts';

/**
 * The file of an agent's entries. One file is snapshot and journal: a head, the entries of the snapshot, then one line
 * a flush, each with the position that the state has behind it. Every line carries the CRC-32 of its JSON. The first
 * part is written beside and renamed into place; flushes are appended and made durable one by one. So whatever instant
 * the process or the machine dies, the file holds the state behind some flush, whole.
 */
const headSchema = z.object({
  format: z.literal('firebreak-entries-1'),
  tenantId: tenantIdSchema,
  deviceId: deviceIdSchema,
});

/** What a state includes: where in the log it stands, and what it must add up to. */
export const positionSchema = z.object({
  cursor: cursorSchema,
  count: z.int().nonnegative(),
  digest: stateDigestSchema,
});
export type StatePosition = z.infer<typeof positionSchema>;

const flushSchema = z.object({
  changes: z.array(
    z.discriminatedUnion('event', [
      z.object({ event: z.literal('entry'), data: entrySchema }),
      z.object({ event: z.literal('revocation'), data: revocationSchema }),
    ]),
  ),
  position: positionSchema,
});

export type Owner = Pick<z.infer<typeof headSchema>, 'tenantId' | 'deviceId'>;

/** What reading the file finds, in order. */
export interface EntryFileReader {
  entry(entry: Entry): void;
  flush(changes: readonly StateChange[], position: StatePosition): void;
}

function line(value: string): string {
  return `${crc32(value).toString(16).padStart(8, '0')} ${value}\n`;
}

/**
 * Reads as far as the file is whole.
 *
 * @returns the bytes up to the end of the last flush; 0 when there is no such file, or none of this owner
 */
export async function readEntryFile(path: string, owner: Owner, reader: EntryFileReader): Promise<number> {
  const sizeBytes = await fileSize(path);
  let at = 0;
  let wholeBytes = 0;
  let expects: 'head' | 'entries' | 'flushes' = 'head';
  for await (const text of linesOf(path, sizeBytes)) {
    at += Buffer.byteLength(text) + 1;
    const json = readLine(text);
    if (json === undefined) break;
    if (expects === 'head') {
      const head = headSchema.safeParse(json);
      if (head.data?.tenantId !== owner.tenantId || head.data.deviceId !== owner.deviceId) break;
      expects = 'entries';
      continue;
    }
    const flush = flushSchema.safeParse(json);
    if (flush.success) {
      reader.flush(flush.data.changes, flush.data.position);
      expects = 'flushes';
      wholeBytes = at;
      continue;
    }
    const entry = entrySchema.safeParse(json);
    if (expects === 'flushes' || !entry.success) break;
    reader.entry(entry.data);
  }
  return wholeBytes;
}

function readLine(text: string): unknown {
  const json = text.slice(9);
  if (text.slice(0, 9) !== `${crc32(json).toString(16).padStart(8, '0')} `) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

async function fileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}

/** @returns the lines that have their line feed */
async function* linesOf(path: string, sizeBytes: number): AsyncGenerator<string> {
  if (sizeBytes === 0) return;
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { end: sizeBytes - 1 })) {
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      yield bytes.toString('utf8', start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
}

/** A new file beside the one in use; `commit` puts it in its place. */
export class EntryFileDraft {
  readonly #path: string;
  readonly #handle: FileHandle;
  #buffer = '';

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  static async create(path: string, { tenantId, deviceId }: Owner): Promise<EntryFileDraft> {
    const draft = new EntryFileDraft(path, await open(`${path}.new`, 'w', 0o600));
    draft.#buffer = line(JSON.stringify({ format: 'firebreak-entries-1', tenantId, deviceId }));
    return draft;
  }

  /** @param json of one entry */
  async add(json: string): Promise<void> {
    this.#buffer += line(json);
    if (this.#buffer.length >= 65_536) await this.#write();
  }

  /** Resolves when the new file is in its place for good; @returns it, open for appending */
  async commit(position: StatePosition): Promise<EntryFile> {
    this.#buffer += line(JSON.stringify({ changes: [], position }));
    await this.#write();
    await this.#handle.sync();
    await rename(`${this.#path}.new`, this.#path);
    await syncFolder(dirname(this.#path));
    return new EntryFile(this.#handle);
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(`${this.#path}.new`, { force: true });
  }

  async #write(): Promise<void> {
    await this.#handle.appendFile(this.#buffer);
    this.#buffer = '';
  }
}

/** Not every system lets a folder be synced (Windows does not); there the rename alone must do. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (code !== 'EPERM' && code !== 'EISDIR' && code !== 'EACCES' && code !== 'EINVAL') throw error;
  }
}

/** The file in use. */
export class EntryFile {
  readonly #handle: FileHandle;
  /** Appended since the snapshot. */
  appendedBytes = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** @param wholeBytes what `readEntryFile` returned; anything behind it is cut off */
  static async resume(path: string, wholeBytes: number): Promise<EntryFile> {
    await truncate(path, wholeBytes);
    return new EntryFile(await open(path, 'a', 0o600));
  }

  /** Resolves when the flush is durable. */
  async append(changes: readonly StateChange[], position: StatePosition): Promise<void> {
    const text = line(JSON.stringify({ changes, position }));
    await this.#handle.appendFile(text);
    await this.#handle.datasync();
    this.appendedBytes += Buffer.byteLength(text);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
