import { createRequire } from 'node:module';

type Bytes = Buffer | string | null | undefined;

/** A record as kafkajs's producer hands it to be encoded. */
export interface BatchRecord {
  readonly offsetDelta?: number;
  /** Milliseconds. */
  readonly timestampDelta?: number;
  readonly key?: Bytes;
  readonly value?: Bytes;
  readonly headers?: Readonly<Record<string, Buffer | string>>;
}

/** A batch of records of one partition, as kafkajs's producer hands it to be encoded; what counts 64 bits may be text. */
export interface RecordBatch {
  readonly compression?: number;
  readonly firstTimestamp: number;
  readonly maxTimestamp: number;
  readonly lastOffsetDelta: number;
  readonly transactional?: boolean;
  readonly producerId: { toString(): string };
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly records: readonly BatchRecord[];
}

/** The part of kafkajs's `Encoder` that is asked of one that is only copied from. */
interface Encoded {
  readonly buf: Buffer;
  readonly buffer: Buffer;
  readonly size: () => number;
}

interface Encoder {
  buf: Buffer;
  readonly offset: number;
  ensureAvailable(this: Encoder, bytes: number): void;
}

const load = createRequire(import.meta.url);
const protocol = 'kafkajs/src/protocol';
const crc32C = load(`${protocol}/recordBatch/crc32C/index.js`) as (bytes: Buffer) => number;
const compression = load(`${protocol}/message/compression/index.js`) as {
  readonly COMPRESSION_CODEC_MASK: number;
  readonly lookupCodec: (type: number) => { compress(encoded: Pick<Encoded, 'buffer'>): Promise<Buffer> };
};

let isDone = false;

/**
 * kafkajs 2.2.4 allocates a zeroed buffer for each record and header, grows it, and copies it five times on its way into
 * the request: for records of 1 kB that is more work than to make their JSON. Here the records of a partition are
 * measured, and written once. To be called before anything is produced.
 */
export function encodeRecordsOnce(): void {
  if (isDone) return;
  isDone = true;
  const batches = load(`${protocol}/recordBatch/v0/index.js`) as { RecordBatch: typeof encodeRecordBatch };
  batches.RecordBatch = encodeRecordBatch;
  const record = `${protocol}/recordBatch/record/v0/index.js`;
  load(record);
  const loaded = load.cache[load.resolve(record)];
  if (loaded === undefined) throw new Error('kafkajs encodes records elsewhere.');
  loaded.exports = (fields: BatchRecord) => fields;
  const { prototype } = load(`${protocol}/encoder.js`) as { readonly prototype: Encoder };
  prototype.ensureAvailable = function (bytes) {
    const needed = this.offset + bytes;
    if (needed <= this.buf.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.buf.length));
    this.buf.copy(grown, 0, 0, this.offset);
    this.buf = grown;
  };
}

const magic = 2;
const transactionalFlag = 16;
/** Where what the length counts begins, what the checksum covers, and the records. */
const [lengthEnd, checkedFrom, recordsFrom] = [12, 21, 61];

/** Format: Kafka protocol guide, "Record Batch", version 2. */
export async function encodeRecordBatch(batch: RecordBatch): Promise<Encoded> {
  const { records, compression: type = 0, transactional = false } = batch;
  const sizes = records.map(bodySize);
  const recordsSize = sizes.reduce((sum, size) => sum + varIntSize(size) + size, 0);
  const codec = type & compression.COMPRESSION_CODEC_MASK;
  let buffer = Buffer.allocUnsafe(recordsFrom + recordsSize);
  records.reduce((at, record, index) => writeRecord(buffer, at, record, sizes[index] ?? 0), recordsFrom);
  if (codec !== 0) {
    const compressed = await compression.lookupCodec(type).compress({ buffer: buffer.subarray(recordsFrom) });
    buffer = Buffer.concat([buffer.subarray(0, recordsFrom), compressed]);
  }
  buffer.fill(0, 0, checkedFrom);
  buffer.writeInt32BE(buffer.length - lengthEnd, 8);
  buffer.writeInt8(magic, 16);
  buffer.writeInt16BE(codec | (transactional ? transactionalFlag : 0), 21);
  buffer.writeInt32BE(batch.lastOffsetDelta, 23);
  buffer.writeBigInt64BE(BigInt(batch.firstTimestamp), 27);
  buffer.writeBigInt64BE(BigInt(batch.maxTimestamp), 35);
  buffer.writeBigInt64BE(BigInt(batch.producerId.toString()), 43);
  buffer.writeInt16BE(batch.producerEpoch, 51);
  buffer.writeInt32BE(batch.firstSequence, 53);
  buffer.writeInt32BE(records.length, 57);
  buffer.writeUInt32BE(crc32C(buffer.subarray(checkedFrom)), 17);
  return { buf: buffer, buffer, size: () => buffer.length };
}

/** @returns the bytes of a record after its own length */
function bodySize({ offsetDelta = 0, timestampDelta = 0, key, value, headers = {} }: BatchRecord): number {
  let size =
    1 + varIntSize(timestampDelta) + varIntSize(offsetDelta) + sizeWithLength(key) + sizeWithLength(value);
  const entries = Object.entries(headers);
  size += varIntSize(entries.length);
  for (const [name, text] of entries) size += sizeWithLength(name) + sizeWithLength(text);
  return size;
}

/** @returns the position after it */
function writeRecord(buffer: Buffer, from: number, record: BatchRecord, size: number): number {
  const { offsetDelta = 0, timestampDelta = 0, key, value, headers = {} } = record;
  let at = writeVarInt(buffer, from, size);
  buffer[at] = 0;
  at = writeVarInt(buffer, at + 1, timestampDelta);
  at = writeVarInt(buffer, at, offsetDelta);
  at = writeWithLength(buffer, at, key);
  at = writeWithLength(buffer, at, value);
  const entries = Object.entries(headers);
  at = writeVarInt(buffer, at, entries.length);
  for (const [name, text] of entries) at = writeWithLength(buffer, writeWithLength(buffer, at, name), text);
  return at;
}

function sizeOf(bytes: Buffer | string): number {
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
}

function sizeWithLength(bytes: Bytes): number {
  if (bytes === null || bytes === undefined) return varIntSize(-1);
  const size = sizeOf(bytes);
  return varIntSize(size) + size;
}

function writeWithLength(buffer: Buffer, from: number, bytes: Bytes): number {
  if (bytes === null || bytes === undefined) return writeVarInt(buffer, from, -1);
  const at = writeVarInt(buffer, from, sizeOf(bytes));
  return at + (typeof bytes === 'string' ? buffer.write(bytes, at) : bytes.copy(buffer, at));
}

/** Zigzag: small numbers of either sign are short. Within 31 bits, as lengths and deltas of a batch are. */
function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

function varIntSize(value: number): number {
  let size = 1;
  for (let rest = zigzag(value); rest > 0x7f; rest >>>= 7) size += 1;
  return size;
}

function writeVarInt(buffer: Buffer, from: number, value: number): number {
  let at = from;
  let rest = zigzag(value);
  for (; rest > 0x7f; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
  buffer[at++] = rest;
  return at;
}
