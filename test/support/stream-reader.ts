import type { Entry, Revocation } from '../../contracts/entry.ts';
import { entrySchema, revocationSchema } from '../../contracts/entry.ts';
import { checkpointSchema } from '../../contracts/stream.ts';
import { belongsToState } from '../../engine/stream/change.ts';
import { digestText, emptyDigest, withEntry } from '../../engine/stream/digest.ts';

interface Frame {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** Reads server-sent events as an agent does, and says what a right stream never shows. */
export class StreamReader {
  readonly entries: Map<string, Entry>;
  readonly seen: Frame[] = [];
  readonly faults: string[] = [];
  cursor: string | undefined;
  checkpoints = 0;
  #text = '';
  #pending: ({ readonly entry: Entry } | { readonly revocation: Revocation })[] = [];

  /** @param before the state and cursor that an earlier connection left */
  constructor(before: { readonly entries: ReadonlyMap<string, Entry>; readonly cursor: string | undefined }) {
    this.entries = new Map(before.entries);
    this.cursor = before.cursor;
  }

  take(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n\n'); end >= 0; end = this.#text.indexOf('\n\n')) {
      this.#frame(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 2);
    }
  }

  #frame(block: string): void {
    const fields = new Map(
      block.split('\n').map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
      }),
    );
    const event = fields.get('event');
    if (event === undefined) return;
    const frame = { event, id: fields.get('id'), data: JSON.parse(fields.get('data') ?? 'null') as unknown };
    this.seen.push(frame);
    if (frame.id !== undefined && event !== 'checkpoint') this.faults.push(`${event} has an id`);
    if (event === 'entry') this.#entry(entrySchema.parse(frame.data));
    if (event === 'revocation') this.#revocation(revocationSchema.parse(frame.data));
    if (event === 'checkpoint') this.#checkpoint(frame);
  }

  #entry(entry: Entry): void {
    if (!belongsToState(entry)) return;
    if (this.entries.get(entry.id)?.revision === entry.revision) this.faults.push(`${entry.id} came twice`);
    this.#once(entry);
    this.#pending.push({ entry });
  }

  #revocation(revocation: Revocation): void {
    this.#once(revocation);
    this.#pending.push({ revocation });
  }

  #once({ id, revision }: Entry | Revocation): void {
    const again = this.#pending
      .map((change) => ('entry' in change ? change.entry : change.revocation))
      .some((change) => change.id === id && change.revision === revision);
    if (again) this.faults.push(`${id} came twice before a checkpoint`);
  }

  #checkpoint({ id, data }: Frame): void {
    for (const change of this.#pending) {
      if ('entry' in change) this.entries.set(change.entry.id, change.entry);
      else this.entries.delete(change.revocation.id);
    }
    this.#pending = [];
    this.checkpoints += 1;
    this.cursor = id;
    const { count, digest } = checkpointSchema.parse(data);
    const own = [...this.entries.values()].reduce(withEntry, emptyDigest);
    if (own.count !== count) this.faults.push(`holds ${own.count} entries, the checkpoint says ${count}`);
    else if (digestText(own) !== digest) this.faults.push('another digest than the checkpoint');
  }
}
