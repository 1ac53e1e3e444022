import { LineCounter, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import { parseCondition } from './condition.ts';
import type { Placeholders, RuleValue } from './detection-item.ts';
import { parseDetectionItem } from './detection-item.ts';
import type { Predicate } from './predicate.ts';
import { allOf, anyOf } from './predicate.ts';
import { RuleProblem } from './rule-problem.ts';
import type { RuleDocument, SigmaRule } from './rule.ts';
import { ruleDocument } from './rule.ts';

export interface ReadOptions {
  /** Lists for the `expand` modifier. */
  readonly placeholders?: Placeholders;
  /** Other names of fields, as rule → event: `NewProcessName` → `Image`. */
  readonly fieldAliases?: Readonly<Record<string, string>>;
}

export interface RejectedRule {
  readonly file: string;
  /** Line in the file, from 1. */
  readonly line: number;
  readonly reason: string;
}

export interface ReadResult {
  readonly rules: readonly SigmaRule[];
  readonly rejected: readonly RejectedRule[];
}

const maximalValues = 20_000;
const maximalDepth = 8;

/**
 * Reads the Sigma rules of one YAML text (one or more documents). A document that cannot be used is listed with line
 * and reason and does not stop the others; deprecated and unsupported rules are listed too.
 */
export function readRules(file: string, source: string, options: ReadOptions = {}): ReadResult {
  const counter = new LineCounter();
  const documents = parseAllDocuments(source, { lineCounter: counter });
  const rules: SigmaRule[] = [];
  const rejected: RejectedRule[] = [];
  if (documents.length === 0)
    return { rules, rejected: [{ file, line: 1, reason: 'the file holds no rule' }] };
  for (const document of documents) {
    const lineAt = (path: readonly (string | number)[]): number => lineOf(document, path, counter);
    const [error] = document.errors;
    if (error !== undefined) {
      rejected.push({ file, line: error.linePos?.[0].line ?? 1, reason: firstLine(error.message) });
      continue;
    }
    try {
      rules.push(readRule(document.toJS({ maxAliasCount: 100 }), options, { file, line: lineAt([]) }));
    } catch (cause) {
      // Whatever a document does to the parser, the other rules go on.
      const path = cause instanceof RuleProblem ? cause.path : [];
      const reason = cause instanceof Error ? cause.message : String(cause);
      rejected.push({ file, line: lineAt(path), reason: firstLine(reason) });
    }
  }
  return { rules, rejected };
}

/** Turns one parsed document into a rule. Throws RuleProblem. */
export function readRule(
  document: unknown,
  options: ReadOptions,
  place: { file: string; line: number },
): SigmaRule {
  if (isRecord(document) && ('correlation' in document || 'filter' in document || 'action' in document)) {
    throw new RuleProblem('this kind of document is not supported: only detection rules are');
  }
  const parsed = ruleDocument.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = (issue?.path ?? []).map((key) => (typeof key === 'number' ? key : String(key)));
    throw new RuleProblem(`${path.join('.') || 'the document'}: ${issue?.message ?? 'is not a rule'}`, path);
  }
  const rule = parsed.data;
  if (rule.status === 'deprecated' || rule.status === 'unsupported') {
    throw new RuleProblem(`the rule is marked as ${rule.status}`, ['status']);
  }
  return {
    id: rule.id ?? rule.title,
    title: rule.title,
    description: rule.description ?? '',
    level: rule.level ?? 'medium',
    tags: rule.tags ?? [],
    logSource: {
      category: rule.logsource.category,
      product: rule.logsource.product,
      service: rule.logsource.service,
    },
    predicate: readDetection(rule.detection, options),
    ...place,
  };
}

function readDetection(detection: RuleDocument['detection'], options: ReadOptions): Predicate {
  const reader = new DetectionReader(options);
  const named = new Map<string, Predicate>();
  for (const [name, definition] of Object.entries(detection)) {
    if (name === 'timeframe') {
      throw new RuleProblem('timeframe belongs to aggregations: write a correlation rule', [
        'detection',
        name,
      ]);
    }
    if (name !== 'condition') named.set(name, reader.read(definition, ['detection', name]));
  }
  const path = ['detection', 'condition'];
  const conditions = Array.isArray(detection['condition'])
    ? detection['condition']
    : [detection['condition']];
  const predicates = conditions.map((condition: unknown) => {
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

  constructor(options: ReadOptions) {
    this.#placeholders = options.placeholders ?? {};
    this.#aliases = options.fieldAliases ?? {};
  }

  /** A map is a conjunction of its fields; a list is a choice of maps and keywords. */
  read(definition: unknown, path: readonly (string | number)[]): Predicate {
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

  #item(key: string, value: unknown, path: readonly (string | number)[]): Predicate {
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
    const field = Object.hasOwn(this.#aliases, name) ? this.#aliases[name] : name;
    return locate(path, () =>
      parseDetectionItem(field === '' ? undefined : field, modifiers, scalars, this.#placeholders),
    );
  }
}

/** Gives a problem that is found deeper down the place in the document. */
function locate<T>(path: readonly (string | number)[], step: () => T): T {
  try {
    return step();
  } catch (cause) {
    if (cause instanceof RuleProblem && cause.path.length === 0) throw new RuleProblem(cause.message, path);
    throw cause;
  }
}

function lineOf(document: Document, path: readonly (string | number)[], counter: LineCounter): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isRecord(node) && Array.isArray(node['range'])) {
      const start: unknown = node['range'][0];
      if (typeof start === 'number') return counter.linePos(start).line;
    }
  }
  return 1;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isRuleValue = (value: unknown): value is RuleValue =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

const firstLine = (message: string): string => message.split('\n')[0] ?? message;
