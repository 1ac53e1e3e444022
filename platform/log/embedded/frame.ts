import { FirebreakError } from '../../../contracts/errors.ts';
import type { LogRecord, StoredRecord } from '../log.ts';

/**
 * How one record lies in the database, in a batch as well as alone; a batch is its frames one after the other.
 * Little endian:
 *
 *     u32 bytes that follow | u8 flags (1: the value is null) | u48 offset | u48 appendedAt | u16 key bytes
 *     | u8 header count | key | headers: u8 name bytes, u16 value bytes, name, value | value
 */
const fixedBytes = 20;
const headerFixedBytes = 3;
const nullValue = 1;
const noHeaders: Readonly<Record<string, string>> = Object.freeze({});

/** Far above what identifies anything, far below what a record may hold. */
export const longestKeyBytes = 2_000;

/** A record that is on its way into the log, with what its frame needs. */
export interface SizedRecord {
  readonly record: LogRecord;
  readonly keyBytes: number;
  readonly frameBytes: number;
}

/**
 * @param maxBytes the largest record, counted as key, headers and value
 * @throws FB_RECORD_TOO_LARGE
 */
export function sizeRecord(record: LogRecord, maxBytes: number): SizedRecord {
  const keyBytes = Buffer.byteLength(record.key);
  let headerBytes = 0;
  let headerCount = 0;
  for (const name in record.headers) {
    const nameBytes = Buffer.byteLength(name);
    const valueBytes = Buffer.byteLength(record.headers[name] ?? '');
    if (nameBytes > 0xff || valueBytes > 0xffff) throw tooLarge(`Header ${name.slice(0, 40)} is too long.`);
    headerBytes += headerFixedBytes + nameBytes + valueBytes;
    headerCount++;
  }
  const payloadBytes = keyBytes + headerBytes + (record.value?.byteLength ?? 0);
  if (!record.key.isWellFormed()) throw new RangeError('A key is not well-formed Unicode.');
  if (keyBytes > longestKeyBytes)
    throw tooLarge(`The key has ${keyBytes} bytes, ${longestKeyBytes} are allowed.`);
  if (headerCount > 0xff) throw tooLarge(`The record has ${headerCount} headers, 255 are allowed.`);
  if (payloadBytes > maxBytes)
    throw tooLarge(`The record has ${payloadBytes} bytes, ${maxBytes} are allowed.`);
  return { record, keyBytes, frameBytes: fixedBytes + payloadBytes };
}

/** The key stands here in the frame, for who stores it beside. */
export const keyStart = fixedBytes;

/**
 * Writes the frame of a record into `buffer` at `start`.
 *
 * @returns the record as it will be read; its value shares memory with `buffer`
 */
export function writeFrame(
  buffer: Buffer,
  start: number,
  { record, keyBytes, frameBytes }: SizedRecord,
  offset: number,
  appendedAt: number,
): StoredRecord {
  const { key, value, content } = record;
  const headers = record.headers ?? noHeaders;
  buffer.writeUInt32LE(frameBytes - 4, start);
  buffer.writeUInt8(value === null ? nullValue : 0, start + 4);
  buffer.writeUIntLE(offset, start + 5, 6);
  buffer.writeUIntLE(appendedAt, start + 11, 6);
  buffer.writeUInt16LE(keyBytes, start + 17);
  buffer.write(key, start + fixedBytes, 'utf8');
  let at = start + fixedBytes + keyBytes;
  let headerCount = 0;
  for (const name in headers) {
    at = writeHeader(buffer, at, name, headers[name] ?? '');
    headerCount++;
  }
  buffer.writeUInt8(headerCount, start + 19);
  if (value === null) return { offset, key, value, headers, appendedAt };
  buffer.set(value, at);
  const stored = buffer.subarray(at, start + frameBytes);
  return content === undefined
    ? { offset, key, value: stored, headers, appendedAt }
    : { offset, key, value: stored, headers, appendedAt, content };
}

function writeHeader(buffer: Buffer, start: number, name: string, value: string): number {
  const nameBytes = buffer.write(name, start + headerFixedBytes, 'utf8');
  const valueBytes = buffer.write(value, start + headerFixedBytes + nameBytes, 'utf8');
  buffer.writeUInt8(nameBytes, start);
  buffer.writeUInt16LE(valueBytes, start + 1);
  return start + headerFixedBytes + nameBytes + valueBytes;
}

/** @returns the records of a run of frames, in their order; their values share memory with `buffer` */
export function readFrames(buffer: Buffer): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let start = 0; start < buffer.length;) {
    const end = start + 4 + buffer.readUInt32LE(start);
    records.push(readFrame(buffer, start, end));
    start = end;
  }
  return records;
}

/** @returns the records of a run of frames with the bytes of each frame */
export function sliceFrames(buffer: Buffer): { readonly record: StoredRecord; readonly frame: Buffer }[] {
  const sliced: { record: StoredRecord; frame: Buffer }[] = [];
  for (let start = 0; start < buffer.length;) {
    const end = start + 4 + buffer.readUInt32LE(start);
    sliced.push({ record: readFrame(buffer, start, end), frame: buffer.subarray(start, end) });
    start = end;
  }
  return sliced;
}

function readFrame(buffer: Buffer, start: number, end: number): StoredRecord {
  const keyEnd = start + fixedBytes + buffer.readUInt16LE(start + 17);
  let headers = noHeaders;
  let at = keyEnd;
  const headerCount = buffer.readUInt8(start + 19);
  if (headerCount > 0) {
    const read: [string, string][] = [];
    for (let index = 0; index < headerCount; index++) {
      const valueStart = at + headerFixedBytes + buffer.readUInt8(at);
      const valueEnd = valueStart + buffer.readUInt16LE(at + 1);
      read.push([
        buffer.toString('utf8', at + headerFixedBytes, valueStart),
        buffer.toString('utf8', valueStart, valueEnd),
      ]);
      at = valueEnd;
    }
    headers = Object.fromEntries(read);
  }
  return {
    offset: buffer.readUIntLE(start + 5, 6),
    key: buffer.toString('utf8', start + fixedBytes, keyEnd),
    value: (buffer.readUInt8(start + 4) & nullValue) === 0 ? buffer.subarray(at, end) : null,
    headers,
    appendedAt: buffer.readUIntLE(start + 11, 6),
  };
}

function tooLarge(detail: string): FirebreakError {
  return new FirebreakError('FB_RECORD_TOO_LARGE', detail);
}
