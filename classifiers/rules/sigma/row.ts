import type { FieldValue, SigmaEvent } from './event.ts';

export type Texts = string | readonly string[] | undefined;

const none: readonly string[] = [];

/**
 * An event laid out for evaluation: the texts of each field by its slot. One row serves all events of a set, one after
 * the other; lower case is made of a field that a rule asks for, and once.
 */
export class Row {
  readonly raw: Texts[];
  readonly #lower: Texts[];
  readonly #filled: number[] = [];
  #fields: SigmaEvent['fields'] = {};
  #all: { readonly raw: readonly string[]; readonly lower: readonly string[] } | undefined;

  constructor(slots: number) {
    this.raw = new Array<Texts>(slots).fill(undefined);
    this.#lower = this.raw.slice();
  }

  /** Takes the place of the event before. */
  begin(fields: SigmaEvent['fields']): void {
    for (const slot of this.#filled) {
      this.raw[slot] = undefined;
      this.#lower[slot] = undefined;
    }
    this.#filled.length = 0;
    this.#fields = fields;
    this.#all = undefined;
  }

  fill(slot: number, texts: Exclude<Texts, undefined>): void {
    this.raw[slot] = texts;
    this.#filled.push(slot);
  }

  lower(slot: number): Texts {
    const known = this.#lower[slot];
    if (known !== undefined) return known;
    const raw = this.raw[slot];
    if (raw === undefined) return undefined;
    return (this.#lower[slot] =
      typeof raw === 'string' ? raw.toLowerCase() : raw.map((text) => text.toLowerCase()));
  }

  /** Texts of all fields of the event, for keywords. */
  all(): { readonly raw: readonly string[]; readonly lower: readonly string[] } {
    if (this.#all !== undefined) return this.#all;
    const raw = Object.values(this.#fields).flatMap((value) => textsOf(value) ?? none);
    return (this.#all = { raw, lower: raw.map((text) => text.toLowerCase()) });
  }
}

/** The texts of a value; undefined where it is as good as missing. */
export function textsOf(value: FieldValue | undefined): Texts {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') return String(value);
  return value.length === 0 ? undefined : value;
}
