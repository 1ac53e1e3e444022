import type { Pattern, TextTest } from './pattern.ts';

export type Comparison = 'lt' | 'lte' | 'gt' | 'gte';
export type TimePart = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';
export type AddressFamily = 'ipv4' | 'ipv6';

/** What one value of a rule asks of one field. */
export type ValueTest =
  | { readonly kind: 'text'; readonly pattern: Pattern; readonly cased: boolean }
  | {
      readonly kind: 'regex';
      readonly source: string;
      readonly flags: RegexFlags;
      readonly matches: TextTest;
    }
  | {
      readonly kind: 'network';
      readonly address: string;
      readonly prefix: number;
      readonly family: AddressFamily;
    }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly value: number }
  | { readonly kind: 'time'; readonly part: TimePart; readonly value: number }
  | {
      readonly kind: 'reference';
      readonly field: string;
      readonly start: boolean;
      readonly end: boolean;
      readonly cased: boolean;
    }
  | { readonly kind: 'exists' }
  | { readonly kind: 'null' };

export interface RegexFlags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
}

/**
 * A rule's detection after names, modifiers and the condition are resolved. `field` undefined means a keyword:
 * the test may hold in any field of the event.
 */
export type Predicate =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Predicate[] }
  | { readonly kind: 'not'; readonly of: Predicate }
  | { readonly kind: 'test'; readonly field: string | undefined; readonly test: ValueTest };

export function allOf(of: readonly Predicate[]): Predicate {
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'and', of };
}

export function anyOf(of: readonly Predicate[]): Predicate {
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'or', of };
}

/** Stands in the result of `absenceSensitiveFields` for "any field at all". */
export const everyField = '*';

/**
 * The fields whose absence can make the predicate true: those under a negation, and those that are asked to be null or
 * missing. Where none of them is in doubt, a match holds whatever the unknown fields contain.
 */
export function absenceSensitiveFields(predicate: Predicate): ReadonlySet<string> {
  const fields = new Set<string>();
  const walk = (part: Predicate, positive: boolean): void => {
    if (part.kind === 'not') walk(part.of, !positive);
    else if (part.kind !== 'test') part.of.forEach((child) => walk(child, positive));
    else if ((part.test.kind === 'null') === positive) {
      fields.add(part.field ?? everyField);
      if (part.test.kind === 'reference') fields.add(part.test.field);
    }
  };
  walk(predicate, true);
  return fields;
}
