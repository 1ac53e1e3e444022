import type { Report } from '../contracts/report.ts';

/**
 * Remembers what was read out of a report for as long as the report is there: the key of the cache, the model, a second
 * version of it and the count of its features all need the same. Reports never change.
 */
export function oncePerReport<Value extends object>(
  read: (report: Report) => Value,
): (report: Report) => Value {
  const known = new WeakMap<Report, Value>();
  return (report) => {
    const before = known.get(report);
    if (before !== undefined) return before;
    const value = read(report);
    known.set(report, value);
    return value;
  };
}
