import { digestText } from '../../engine/stream/digest.ts';
import { encodeCursor } from '../../engine/stream/cursor.ts';
import type { EntryChunk } from '../../engine/stream/entry-chunk.ts';
import { entryLines } from '../../engine/stream/entry-table.ts';
import { GzipEnd, gzipHeader, gzipPiece, type GzipPiece } from './gzip-pieces.ts';
import type { PublishedState } from './published-state.ts';
import type { Caller } from './scope.ts';

/** The caller's state at one moment. Nothing is copied when it is taken: its chunks do not change any more. */
export interface Snapshot {
  readonly chunks: readonly EntryChunk[];
  readonly cursor: string;
  readonly count: number;
  readonly digest: string;
}

export function takeSnapshot(
  state: PublishedState,
  caller: Caller,
  nowMs: number,
  logIdentity: string,
): Snapshot {
  const digest = state.digestOf(caller);
  return {
    chunks: state.scopesOf(caller).flatMap((scope) => scope.table.freeze()),
    cursor: encodeCursor({ issuedAtMs: nowMs, offsets: state.positions }, logIdentity),
    count: digest.count,
    digest: digestText(digest),
  };
}

function chunkText(chunk: EntryChunk): string {
  return entryLines(chunk)
    .map((line) => `${line}\n`)
    .join('');
}

function endText({ cursor, count, digest }: Snapshot): string {
  return `${JSON.stringify({ end: { cursor, count, digest } })}\n`;
}

/** Chunks that were compressed once are sent again as they are, to whoever holds them in its state. */
export class SnapshotBytes {
  readonly #pieces = new WeakMap<EntryChunk, Promise<GzipPiece>>();

  async *plain(snapshot: Snapshot): AsyncGenerator<string> {
    for (const chunk of snapshot.chunks) {
      yield chunkText(chunk);
    }
    yield endText(snapshot);
  }

  async *gzip(snapshot: Snapshot): AsyncGenerator<Buffer> {
    const end = new GzipEnd();
    yield gzipHeader;
    for (const chunk of snapshot.chunks) {
      const piece = await this.#piece(chunk);
      end.add(piece);
      yield piece.deflated;
    }
    const last = await gzipPiece(endText(snapshot));
    end.add(last);
    yield Buffer.concat([last.deflated, end.bytes()]);
  }

  #piece(chunk: EntryChunk): Promise<GzipPiece> {
    const held = this.#pieces.get(chunk);
    if (held !== undefined) return held;
    const piece = gzipPiece(chunkText(chunk));
    this.#pieces.set(chunk, piece);
    return piece;
  }
}
