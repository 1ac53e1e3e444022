import { z } from 'zod';
import { sha256Hex } from '../../contracts/canonical.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import { storedTimestampSchema, toTimestamp, type Timestamp } from '../../contracts/ids.ts';

/** Where a page begins: behind this row, in the order (time, id), newest first. */
export interface Place {
  readonly at: Timestamp;
  readonly id: string;
}

export interface PageRequest {
  readonly after?: string | undefined;
  readonly limit: number;
}

const cursorSchema = z.tuple([storedTimestampSchema, z.string().max(400), z.string()]);

/**
 * The pages of one list for one caller. A cursor carries a fingerprint of list, tenant and filters: with others it is
 * refused, as what it names would be no place in that list.
 */
export class Pages {
  readonly #fingerprint: string;
  readonly #request: PageRequest;

  /** @param scope list, tenant and filters; `after` and `limit` in it do not count */
  constructor(request: PageRequest, ...scope: readonly unknown[]) {
    this.#request = request;
    const text = JSON.stringify(scope, (key, value: unknown) =>
      key === 'after' || key === 'limit' ? undefined : value,
    );
    this.#fingerprint = sha256Hex(text).slice(0, 16);
  }

  /** One more than a page, to know whether there is a next one. */
  get rows(): number {
    return this.#request.limit + 1;
  }

  /** @throws FirebreakError FB_CURSOR_INVALID */
  get place(): Place | null {
    const { after } = this.#request;
    if (after === undefined) return null;
    const parsed = cursorSchema.safeParse(readJson(after));
    if (!parsed.success || parsed.data[2] !== this.#fingerprint) {
      throw new FirebreakError(
        'FB_CURSOR_INVALID',
        '`after` is not a cursor of this list with these filters.',
        {
          errors: [{ pointer: 'after', detail: 'Begin without it, or keep the filters of the page before.' }],
        },
      );
    }
    const [at, id] = parsed.data;
    return { at, id };
  }

  /** @param rows at most `this.rows`, in order */
  of<Row, Item>(
    rows: readonly Row[],
    placeOf: (row: Row) => { readonly at: Date; readonly id: string },
    itemOf: (row: Row) => Item,
  ): { readonly items: readonly Item[]; readonly next: string | null } {
    const page = rows.slice(0, this.#request.limit);
    const last = rows.length > page.length ? page.at(-1) : undefined;
    return { items: page.map(itemOf), next: last === undefined ? null : this.#cursor(placeOf(last)) };
  }

  #cursor({ at, id }: { readonly at: Date; readonly id: string }): string {
    return Buffer.from(JSON.stringify([at.toISOString(), id, this.#fingerprint])).toString('base64url');
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** @returns a time of the database as the wire has it */
export function wireTime(date: Date): Timestamp {
  return toTimestamp(date.getTime());
}

export function wireTimeOrNull(date: Date | null): Timestamp | null {
  return date === null ? null : wireTime(date);
}
