import type { StateChange } from './change.ts';
import { EntryChunk, rowsPerChunk, type LogMark } from './entry-chunk.ts';
import { changeJson, EntryForms, joinChange, splitChange } from './entry-form.ts';
import type { Phase } from './phases.ts';

/** One row by what ordering needs, and where in the log it was last touched. */
export interface TouchedRow {
  readonly id: string;
  readonly revision: number;
  readonly phase: Phase;
  readonly mark: LogMark;
}

/** One row as it is sent. */
export interface HeldChange extends TouchedRow {
  readonly event: StateChange['event'];
  readonly json: string;
}

const smallestIndex = 8;
const nowhere: LogMark = { partition: 0, offset: 0 };

/**
 * The last change of each entry id, packed: about 100 bytes a row, so that a million of them fit in memory. Rows know
 * where in the log they were last touched, which makes the table its own window of recent changes: what happened since
 * a cursor is the rows touched since, each in its present state.
 *
 * Structure: rows lie densely in chunks of 1,024; an open-addressing index leads from an id to its row. `freeze` hands
 * out the chunks as they are; a frozen chunk is copied before the next write to it.
 */
export class EntryTable {
  readonly #forms: EntryForms;
  readonly #chunks: EntryChunk[] = [];
  #size = 0;
  /** Row number and one by slot; 0 is empty. Linear probing, at most half full. */
  #index = new Uint32Array(smallestIndex);

  /** @param forms may be shared by many tables */
  constructor(forms: EntryForms = new EntryForms()) {
    this.#forms = forms;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the change as it was put, without what only a reporting device sees; undefined when the id is not here */
  get(id: string): StateChange | undefined {
    const row = this.#find(idBytes(id));
    if (row === undefined) return undefined;
    const { chunk, at } = this.#place(row);
    return joinChange(chunk.varying(at), chunk.form(at));
  }

  held(id: string): HeldChange | undefined {
    const row = this.#find(idBytes(id));
    return row === undefined ? undefined : this.#held(row);
  }

  /** @returns undefined when the id is not here, or has ended: then any revision counts */
  revisionOf(id: string): number | undefined {
    const row = this.#find(idBytes(id));
    if (row === undefined) return undefined;
    const { chunk, at } = this.#place(row);
    return chunk.hasEnded(at) ? undefined : chunk.revision(at);
  }

  put(change: StateChange, mark: LogMark = nowhere): void {
    const { varying, content } = splitChange(change);
    const form = this.#forms.of(change, content);
    const bytes = idBytes(varying.id);
    const row = this.#find(bytes);
    const target = row ?? this.#size;
    if (target === this.#chunks.length * rowsPerChunk) this.#chunks.push(EntryChunk.empty());
    const { chunk, at } = this.#writable(target);
    chunk.write(at, varying, form, mark, false);
    if (row !== undefined) return;
    this.#size += 1;
    if (this.#size * 2 > this.#index.length) this.#rebuildIndex(this.#index.length * 2);
    else this.#link(bytes.readUInt32LE(12), target);
  }

  /** The log holds nothing more of this id: its next record counts whatever its revision. The row stays. */
  end(id: string): void {
    const row = this.#find(idBytes(id));
    if (row === undefined) return;
    const { chunk, at } = this.#writable(row);
    chunk.end(at);
  }

  hasEnded(id: string): boolean {
    const row = this.#find(idBytes(id));
    if (row === undefined) return false;
    const { chunk, at } = this.#place(row);
    return chunk.hasEnded(at);
  }

  /** @returns whether the id was here */
  remove(id: string): boolean {
    const row = this.#find(idBytes(id));
    if (row === undefined) return false;
    const last = this.#size - 1;
    this.#unlink(row);
    if (row !== last) {
      this.#unlink(last);
      const target = this.#writable(row);
      target.chunk.takeLast(target.at, this.#place(last).chunk);
    }
    const tail = this.#writable(last);
    tail.chunk.dropLast();
    if (tail.chunk.length === 0) this.#chunks.pop();
    this.#size = last;
    if (row !== last) this.#link(this.#hash(row), row);
    return true;
  }

  /** @returns the rows touched at or after `from` and before `until`, both the next offset by partition */
  touchedBetween(from: readonly number[], until: readonly number[]): readonly TouchedRow[] {
    return this.#chunks.flatMap((chunk) =>
      chunk.touchedBetween(from, until).map((at) => ({
        id: chunk.id(at),
        revision: chunk.revision(at),
        phase: chunk.form(at).phase,
        mark: chunk.mark(at),
      })),
    );
  }

  /** The table as it is now, for ever: constant time per thousand rows. */
  freeze(): readonly EntryChunk[] {
    for (const chunk of this.#chunks) chunk.frozen = true;
    return [...this.#chunks];
  }

  #held(row: number): HeldChange {
    const { chunk, at } = this.#place(row);
    const varying = chunk.varying(at);
    const form = chunk.form(at);
    return {
      id: varying.id,
      revision: varying.revision,
      phase: form.phase,
      mark: chunk.mark(at),
      event: form.content.event === 'revocation' ? 'revocation' : 'entry',
      json: changeJson(varying, form),
    };
  }

  #place(row: number): { readonly chunk: EntryChunk; readonly at: number } {
    const chunk = this.#chunks[Math.floor(row / rowsPerChunk)];
    if (chunk === undefined) throw new RangeError(`The table has no row ${row}.`);
    return { chunk, at: row % rowsPerChunk };
  }

  #writable(row: number): { readonly chunk: EntryChunk; readonly at: number } {
    const { chunk, at } = this.#place(row);
    if (!chunk.frozen) return { chunk, at };
    const copy = chunk.copy();
    this.#chunks[Math.floor(row / rowsPerChunk)] = copy;
    return { chunk: copy, at };
  }

  #hash(row: number): number {
    const { chunk, at } = this.#place(row);
    return chunk.idHash(at);
  }

  #find(id: Buffer): number | undefined {
    const mask = this.#index.length - 1;
    for (let slot = id.readUInt32LE(12) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#index[slot] ?? 0;
      if (entry === 0) return undefined;
      const { chunk, at } = this.#place(entry - 1);
      if (chunk.hasId(at, id)) return entry - 1;
    }
  }

  #link(hash: number, row: number): void {
    const mask = this.#index.length - 1;
    let slot = hash & mask;
    while (this.#index[slot] !== 0) slot = (slot + 1) & mask;
    this.#index[slot] = row + 1;
  }

  /** Takes the row out of the index and moves up what its slot had pushed on (backward shift: no slot stays "deleted"). */
  #unlink(row: number): void {
    const mask = this.#index.length - 1;
    let hole = this.#hash(row) & mask;
    while (this.#index[hole] !== row + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#index[slot] ?? 0;
      if (entry === 0) break;
      const home = this.#hash(entry - 1) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        this.#index[hole] = entry;
        hole = slot;
      }
    }
    this.#index[hole] = 0;
  }

  #rebuildIndex(slots: number): void {
    this.#index = new Uint32Array(slots);
    for (let row = 0; row < this.#size; row += 1) this.#link(this.#hash(row), row);
  }
}

/** One record asks for the same id several times (is it news? what was there? put it). */
let last = { id: '', bytes: Buffer.alloc(16) };

function idBytes(id: string): Buffer {
  if (id !== last.id) last = { id, bytes: Buffer.from(id.replaceAll('-', ''), 'hex') };
  return last.bytes;
}

/** @returns the JSON of each entry of the chunk, revocations left out */
export function entryLines(chunk: EntryChunk): readonly string[] {
  const lines: string[] = [];
  for (let row = 0; row < chunk.length; row += 1) {
    const form = chunk.form(row);
    if (form.content.event !== 'revocation') lines.push(changeJson(chunk.varying(row), form));
  }
  return lines;
}
