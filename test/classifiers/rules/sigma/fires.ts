import type { ReadOptions } from '../../../../classifiers/rules/sigma/read-rules.ts';
import { readRule } from '../../../../classifiers/rules/sigma/read-rules.ts';
import { RuleSet } from '../../../../classifiers/rules/sigma/rule-set.ts';
import type { SigmaEvent } from '../../../../classifiers/rules/sigma/event.ts';
import type { SigmaRule } from '../../../../classifiers/rules/sigma/rule.ts';

type Detection = Readonly<Record<string, unknown>>;

export function rule(detection: Detection, options: ReadOptions = {}, more: object = {}): SigmaRule {
  const document = { title: 'A rule', logsource: { category: 'process_creation' }, detection, ...more };
  return readRule(document, options, { file: 'a.yml', line: 1 });
}

export function event(fields: SigmaEvent['fields']): SigmaEvent {
  return { product: 'windows', categories: ['process_creation'], fields };
}

/** Whether a rule with this detection fires on an event with these fields. */
export function fires(
  detection: Detection,
  fields: SigmaEvent['fields'],
  options: ReadOptions = {},
): boolean {
  return RuleSet.of([rule(detection, options)]).match(event(fields)).length > 0;
}

/** Whether one `field|modifiers: value` line fires. */
export function selects(line: Detection, fields: SigmaEvent['fields'], options: ReadOptions = {}): boolean {
  return fires({ selection: line, condition: 'selection' }, fields, options);
}
