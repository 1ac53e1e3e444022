import { storableText } from '../../platform/postgres/text.ts';
import type { Place } from './paging.ts';

type Value = string | number | readonly string[] | Date;

/**
 * Conditions of one statement with their parameters. Operators are those that row-level security lets use an index:
 * equality and order of plain columns.
 */
export class Conditions {
  readonly #clauses: string[] = [];
  readonly #values: unknown[];

  /** @param same shares the parameters of other conditions of the same statement */
  constructor(same?: Conditions) {
    this.#values = same?.values ?? [];
  }

  get values(): unknown[] {
    return this.#values;
  }

  /** @returns the placeholder of a further parameter */
  value(value: Value): string {
    this.#values.push(storable(value));
    return `$${this.#values.length}`;
  }

  /** @param clause a condition, made with the placeholder of the value; left out when there is no value */
  add<V extends Value>(value: V | null | undefined, clause: (placeholder: string) => string): this {
    if (value !== null && value !== undefined) this.#clauses.push(clause(this.value(value)));
    return this;
  }

  /** The column has one of the values. */
  any(column: string, values: readonly string[] | undefined, type = 'text'): this {
    return this.add(values, (placeholder) => `${column} = any(${placeholder}::${type}[])`);
  }

  /** Rows behind the place, in the order (time, id), newest first. */
  behind(place: Place | null, time: string, id: string, idType = 'uuid'): this {
    if (place !== null) {
      const [at, key] = [this.value(place.at), this.value(place.id)];
      this.#clauses.push(`(${time}, ${id}) < (${at}::timestamptz, ${key}::${idType})`);
    }
    return this;
  }

  /** The half-open range of time. */
  between(column: string, from: string | undefined, to: string | undefined): this {
    return this.add(from, (placeholder) => `${column} >= ${placeholder}::timestamptz`).add(
      to,
      (placeholder) => `${column} < ${placeholder}::timestamptz`,
    );
  }

  /** @returns the conditions joined by `and`; `true` when there are none */
  toString(): string {
    return this.#clauses.length === 0 ? 'true' : this.#clauses.join(' and ');
  }
}

function storable(value: Value): unknown {
  if (typeof value === 'string') return storableText(value);
  return Array.isArray(value) ? value.map((item: string) => storableText(item)) : value;
}
