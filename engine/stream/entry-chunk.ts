import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { EntryId } from '../../contracts/ids.ts';
import type { EntryForm, VaryingFields } from './entry-form.ts';

/** Where in the log the record stands that a row was last touched by. */
export interface LogMark {
  /** Number among the partitions of a cursor. */
  readonly partition: number;
  readonly offset: number;
}

export const rowsPerChunk = 1024;
const smallestChunk = 4;

/** Layout of a row; bytes. */
const at = {
  id: 0,
  digest: 16,
  revision: 48,
  decidedAt: 56,
  expiresAt: 64,
  offset: 72,
  partition: 80,
  keyForm: 82,
  ended: 83,
};
/** A multiple of 8, so that the numbers can be read as such. */
const rowBytes = 88;
const rowNumbers = rowBytes / 8;

const digestForms = [
  'file:sha256:',
  'file:sha1:',
  'file:md5:',
  'script:sha256:',
  'command-line:sha256:',
  'url:sha256:',
  'certificate:sha256:',
];
const digestBytes = [32, 20, 16, 32, 32, 32, 32];
const textForm = 255;

/**
 * Up to 1,024 rows in one buffer, 88 bytes each, beside their forms. A frozen chunk never changes again: a table puts
 * a copy in its place first, so whoever holds the frozen one (a snapshot under way) reads a consistent cut.
 */
export class EntryChunk {
  #rows: Buffer;
  /** The same memory as numbers: row r, field f is at r · 11 + f / 8. */
  #numbers: Float64Array;
  readonly #forms: EntryForm[];
  /** Keys that are not a digest (domains, addresses), by row. */
  readonly #texts: Map<number, string>;
  /** Per partition, an offset above that of every row: lets a search for recent changes pass over the chunk. */
  readonly #touchedBefore: number[];
  frozen = false;

  private constructor(rows: Buffer, forms: EntryForm[], texts: Map<number, string>, touchedBefore: number[]) {
    this.#rows = rows;
    this.#numbers = numbersOf(rows);
    this.#forms = forms;
    this.#texts = texts;
    this.#touchedBefore = touchedBefore;
  }

  static empty(): EntryChunk {
    return new EntryChunk(Buffer.alloc(smallestChunk * rowBytes), [], new Map(), []);
  }

  copy(): EntryChunk {
    const rows = Buffer.alloc(this.#rows.length);
    this.#rows.copy(rows);
    return new EntryChunk(rows, [...this.#forms], new Map(this.#texts), [...this.#touchedBefore]);
  }

  get length(): number {
    return this.#forms.length;
  }

  /** Writes the row, the next one when `row` is the length. */
  write(row: number, varying: VaryingFields, form: EntryForm, mark: LogMark, ended: boolean): void {
    this.#reserve(row);
    const base = row * rowBytes;
    this.#rows.write(varying.id.replaceAll('-', ''), base + at.id, 'hex');
    this.#writeKey(row, varying.key);
    this.#setNumber(row, at.revision, varying.revision);
    this.#setNumber(row, at.decidedAt, varying.decidedAtMs);
    this.#setNumber(row, at.expiresAt, varying.expiresAtMs);
    this.#setNumber(row, at.offset, mark.offset);
    this.#rows.writeUInt16LE(mark.partition, base + at.partition);
    this.#rows[base + at.ended] = ended ? 1 : 0;
    this.#forms[row] = form;
    this.#touch(mark);
  }

  end(row: number): void {
    this.#rows[row * rowBytes + at.ended] = 1;
  }

  hasEnded(row: number): boolean {
    return this.#rows[row * rowBytes + at.ended] === 1;
  }

  /** Moves the last row of `from` over this chunk's `row`. */
  takeLast(row: number, from: EntryChunk): void {
    const last = from.length - 1;
    this.write(row, from.varying(last), from.form(last), from.mark(last), from.hasEnded(last));
  }

  dropLast(): void {
    this.#forms.pop();
    this.#texts.delete(this.#forms.length);
  }

  form(row: number): EntryForm {
    const form = this.#forms[row];
    if (form === undefined) throw new RangeError(`The chunk has no row ${row}.`);
    return form;
  }

  mark(row: number): LogMark {
    return {
      partition: this.#rows.readUInt16LE(row * rowBytes + at.partition),
      offset: this.#number(row, at.offset),
    };
  }

  revision(row: number): number {
    return this.#number(row, at.revision);
  }

  varying(row: number): VaryingFields {
    return {
      // As `write` took them.
      id: this.id(row) as EntryId,
      revision: this.revision(row),
      key: this.#key(row) as ArtifactKey,
      decidedAtMs: this.#number(row, at.decidedAt),
      expiresAtMs: this.#number(row, at.expiresAt),
    };
  }

  id(row: number): string {
    const base = row * rowBytes + at.id;
    const hex = this.#rows.toString('hex', base, base + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** @param id 16 bytes */
  hasId(row: number, id: Uint8Array): boolean {
    const base = row * rowBytes + at.id;
    return this.#rows.compare(id, 0, 16, base, base + 16) === 0;
  }

  /** The last four bytes of the id: random in every UUID that we make. */
  idHash(row: number): number {
    return this.#rows.readUInt32LE(row * rowBytes + at.id + 12);
  }

  /** @returns the rows that were touched at or after `from` and before `until`, both by partition */
  touchedBetween(from: readonly number[], until: readonly number[]): number[] {
    const rows: number[] = [];
    if (!this.#touchedBefore.some((before, partition) => before > (from[partition] ?? 0))) return rows;
    for (let row = 0; row < this.length; row += 1) {
      const partition = this.#rows.readUInt16LE(row * rowBytes + at.partition);
      const offset = this.#number(row, at.offset);
      if (offset >= (from[partition] ?? 0) && offset < (until[partition] ?? 0)) rows.push(row);
    }
    return rows;
  }

  #number(row: number, field: number): number {
    return this.#numbers[row * rowNumbers + field / 8] ?? Number.NaN;
  }

  #setNumber(row: number, field: number, value: number): void {
    this.#numbers[row * rowNumbers + field / 8] = value;
  }

  #touch({ partition, offset }: LogMark): void {
    while (this.#touchedBefore.length <= partition) this.#touchedBefore.push(0);
    this.#touchedBefore[partition] = Math.max(this.#touchedBefore[partition] ?? 0, offset + 1);
  }

  #reserve(row: number): void {
    if ((row + 1) * rowBytes <= this.#rows.length) return;
    const rows = Math.min(rowsPerChunk, Math.max(smallestChunk, (this.#rows.length / rowBytes) * 2));
    if (row >= rows) throw new RangeError(`A chunk has ${rowsPerChunk} rows.`);
    const grown = Buffer.alloc(rows * rowBytes);
    this.#rows.copy(grown);
    this.#rows = grown;
    this.#numbers = numbersOf(grown);
  }

  #writeKey(row: number, key: string): void {
    const base = row * rowBytes;
    const form = digestForms.findIndex((prefix) => key.startsWith(prefix));
    this.#texts.delete(row);
    if (form < 0) {
      this.#texts.set(row, key);
      this.#rows[base + at.keyForm] = textForm;
    } else {
      this.#rows.write(key.slice((digestForms[form] ?? '').length), base + at.digest, 'hex');
      this.#rows[base + at.keyForm] = form;
    }
  }

  #key(row: number): string {
    const text = this.#texts.get(row);
    if (text !== undefined) return text;
    const base = row * rowBytes;
    const form = this.#rows.readUInt8(base + at.keyForm);
    const digest = this.#rows.toString('hex', base + at.digest, base + at.digest + (digestBytes[form] ?? 0));
    return (digestForms[form] ?? '') + digest;
  }
}

function numbersOf(rows: Buffer): Float64Array {
  return new Float64Array(rows.buffer, rows.byteOffset, rows.length / 8);
}
