import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/**
 * Takes out of a value what a strict schema complained of as unknown. Schemas are strict where people send; in the log a
 * field that a reader does not know comes from a newer version, and is passed over.
 *
 * @param value parsed from JSON; changed in place
 * @returns whether unknown keys were all that was wrong
 */
export function dropUnknownKeys(value: unknown, issues: readonly Issue[]): boolean {
  return issues.every((issue) => {
    const place = issue.path.reduce<unknown>(
      (at, key) => (isObject(at) ? at[String(key)] : undefined),
      value,
    );
    if (issue.code === 'unrecognized_keys' && isObject(place)) {
      for (const key of issue.keys) delete place[key];
      return true;
    }
    // One of the alternatives fits but for its unknown keys.
    return issue.code === 'invalid_union' && issue.errors.some((errors) => dropUnknownKeys(place, errors));
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
