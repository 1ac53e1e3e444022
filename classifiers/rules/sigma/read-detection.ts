import { parseCondition } from './condition.ts';
import type { Placeholders, RuleValue } from './detection-item.ts';
import { parseDetectionItem } from './detection-item.ts';
import type { Predicate } from './predicate.ts';
import { allOf, anyOf } from './predicate.ts';
import { locate, RuleProblem } from './rule-problem.ts';

export interface DetectionOptions {
  /** Lists for the `expand` modifier. */
  readonly placeholders?: Placeholders;
  /** Other names of fields, as rule → event: `NewProcessName` → `Image`. */
  readonly fieldAliases?: Readonly<Record<string, string>>;
}

type Path = readonly (string | number)[];

const maximalValues = 20_000;
const maximalDepth = 8;

/**
 * Reads a section of named detections and a condition over them (`detection` of a rule, `filter` of a filter).
 * @param section its key in the document, for the place of problems
 * @throws RuleProblem
 */
export function readDetection(
  detection: Readonly<Record<string, unknown>>,
  section: string,
  options: DetectionOptions,
): Predicate {
  const reader = new DetectionReader(options);
  const named = new Map<string, Predicate>();
  for (const [name, definition] of Object.entries(detection)) {
    if (name === 'timeframe') {
      throw new RuleProblem('timeframe belongs to aggregations: write a correlation rule', [section, name]);
    }
    if (name !== 'condition') named.set(name, reader.read(definition, [section, name]));
  }
  const path = [section, 'condition'];
  const predicates = [detection['condition']].flat().map((condition: unknown) => {
    if (typeof condition !== 'string') throw new RuleProblem('the condition is missing or no text', path);
    return locate(path, () => parseCondition(condition, named));
  });
  if (predicates.length === 0) throw new RuleProblem('the list of conditions is empty', path);
  return anyOf(predicates);
}

class DetectionReader {
  readonly #placeholders: Placeholders;
  readonly #aliases: Readonly<Record<string, string>>;
  #values = 0;

  constructor(options: DetectionOptions) {
    this.#placeholders = options.placeholders ?? {};
    this.#aliases = options.fieldAliases ?? {};
  }

  /** A map is a conjunction of its fields; a list is a choice of maps and keywords. */
  read(definition: unknown, path: Path): Predicate {
    if (path.length > maximalDepth) throw new RuleProblem('the detection nests too deep', path);
    if (isRecord(definition)) {
      const items = Object.entries(definition);
      if (items.length === 0) throw new RuleProblem('the detection is empty', path);
      return allOf(items.map(([key, value]) => this.#item(key, value, [...path, key])));
    }
    if (Array.isArray(definition)) {
      if (definition.length === 0) throw new RuleProblem('the detection is empty', path);
      return anyOf(definition.map((part: unknown, index) => this.read(part, [...path, index])));
    }
    return this.#item('', definition, path);
  }

  #item(key: string, value: unknown, path: Path): Predicate {
    const [name = '', ...modifiers] = key.split('|');
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    const scalars = values.map((each): RuleValue => {
      if (!isRuleValue(each))
        throw new RuleProblem('a value is neither text, number, truth value nor null', path);
      return each;
    });
    this.#values += scalars.length;
    if (this.#values > maximalValues)
      throw new RuleProblem(`the rule has more than ${maximalValues} values`, path);
    const field = fieldName(name, this.#aliases);
    return locate(path, () =>
      parseDetectionItem(field === '' ? undefined : field, modifiers, scalars, this.#placeholders),
    );
  }
}

/** The event's name of a field. */
export function fieldName(name: string, aliases: Readonly<Record<string, string>>): string {
  return (Object.hasOwn(aliases, name) ? aliases[name] : undefined) ?? name;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isRuleValue = (value: unknown): value is RuleValue =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
