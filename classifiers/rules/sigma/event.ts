/** One value of an event field. A list matches when any of its members does; an empty one is no value. */
export type FieldValue = string | number | boolean | null | readonly string[];

/**
 * What a rule is evaluated against: the log source that it came from and flat fields under Sigma's names.
 * `categories` holds the precise category first and the wider ones that it belongs to after it
 * (`registry_set`, `registry_event`).
 */
export interface SigmaEvent {
  readonly product: string;
  readonly categories: readonly string[];
  readonly service?: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
}
