import { CORE_SCHEMA, loadAll } from 'js-yaml';
import { LineCounter, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';
import { readCorrelation } from './read-correlation.ts';
import type { DetectionOptions } from './read-detection.ts';
import { fieldName, isRecord, readDetection } from './read-detection.ts';
import { RuleProblem } from './rule-problem.ts';
import type { CorrelationRule, HeadDocument, LogSource, RuleFilter, RuleHead, SigmaRule } from './rule.ts';
import { correlationDocument, filterDocument, ruleDocument } from './rule.ts';

export interface ReadOptions extends DetectionOptions {
  /** Taxonomies whose field names the aliases translate, beside `sigma`. */
  readonly taxonomies?: readonly string[];
}

export interface RejectedRule {
  readonly file: string;
  /** Line in the file, from 1. */
  readonly line: number;
  readonly reason: string;
}

/** What documents of Sigma were read, by kind; references among them are not looked up yet. */
export interface ReadResult {
  readonly rules: readonly SigmaRule[];
  readonly correlations: readonly CorrelationRule[];
  readonly filters: readonly RuleFilter[];
  readonly rejected: readonly RejectedRule[];
}

export interface Place {
  readonly file: string;
  readonly line: number;
}

/**
 * Reads the Sigma documents of one YAML text (one or more). A document that cannot be used is listed with line and
 * reason and does not stop the others; deprecated and unsupported rules are listed too.
 */
export function readRules(file: string, source: string, options: ReadOptions = {}): ReadResult {
  return readOrdinary(file, source, options) ?? readTold(file, source, options);
}

/**
 * One document without a mistake, which most files are, by the parser that is quick and keeps no places.
 * @returns undefined where the other one has to say what the file holds
 */
function readOrdinary(file: string, source: string, options: ReadOptions): ReadResult | undefined {
  if (unusual.test(source)) return undefined;
  const result = emptyResult();
  try {
    const [content, ...more] = loadAll(source, null, { schema: CORE_SCHEMA });
    if (!isRecord(content) || more.length > 0) return undefined;
    readDocument(content, options, { file, line: firstLineOf(source) }, result);
  } catch {
    return undefined;
  }
  return result;
}

/**
 * Anchors, whose aliases may unfold to more than memory holds and are counted by the other parser; tags and directives;
 * and numbers that the two read differently.
 */
const unusual = /(?:^|[\s[{,])(?:&\S|!|0b|[+-][0.])|^%/mu;
const content = /^(?!\s*(?:#|$)|---|%)/mu;

function firstLineOf(source: string): number {
  const at = source.search(content);
  return source.slice(0, at).split('\n').length;
}

/** Any documents, with the lines of what cannot be used; this parser takes five times as long. */
function readTold(file: string, source: string, options: ReadOptions): ReadResult {
  const counter = new LineCounter();
  const documents = parseAllDocuments(source, { lineCounter: counter });
  const result = emptyResult();
  if (documents.length === 0) result.rejected.push({ file, line: 1, reason: 'the file holds no rule' });
  for (const document of documents) {
    const lineAt = (path: readonly (string | number)[]): number => lineOf(document, path, counter);
    const [error] = document.errors;
    if (error !== undefined) {
      result.rejected.push({ file, line: error.linePos?.[0].line ?? 1, reason: firstLine(error.message) });
      continue;
    }
    try {
      const content: unknown = document.toJS({ maxAliasCount: 100 });
      readDocument(content, options, { file, line: lineAt([]) }, result);
    } catch (cause) {
      // Whatever a document does to the parser, the other rules go on.
      const path = cause instanceof RuleProblem ? cause.path : [];
      result.rejected.push({ file, line: lineAt(path), reason: reasonOf(cause) });
    }
  }
  return result;
}

/** Reads one document that some other parser took apart already; a bad one is listed with the line of its place. */
export function readParsedRule(document: unknown, options: ReadOptions, place: Place): ReadResult {
  const result = emptyResult();
  try {
    readDocument(document, options, place, result);
  } catch (cause) {
    result.rejected.push({ ...place, reason: reasonOf(cause) });
  }
  return result;
}

/**
 * Turns one parsed document into a detection rule.
 * @throws RuleProblem
 */
export function readRule(document: unknown, options: ReadOptions, place: Place): SigmaRule {
  const parsed = validated(ruleDocument, document);
  return {
    ...headOf(parsed, options, place),
    logSource: logSourceOf(parsed.logsource),
    predicate: readDetection(parsed.detection, 'detection', options),
    reported: true,
  };
}

type Collected = { [Kind in keyof ReadResult]: ReadResult[Kind][number][] };

const emptyResult = (): Collected => ({ rules: [], correlations: [], filters: [], rejected: [] });

function readDocument(document: unknown, options: ReadOptions, place: Place, into: Collected): void {
  if (isRecord(document) && 'action' in document)
    throw new RuleProblem('rule collections by "action" are not part of Sigma any more', ['action']);
  if (isRecord(document) && 'correlation' in document) {
    const parsed = validated(correlationDocument, document);
    const rule = readCorrelation(parsed, headOf(parsed, options, place));
    into.correlations.push(translated(rule, options));
  } else if (isRecord(document) && 'filter' in document)
    into.filters.push(readFilter(document, options, place));
  else into.rules.push(readRule(document, options, place));
}

function readFilter(document: unknown, options: ReadOptions, place: Place): RuleFilter {
  const parsed = validated(filterDocument, document);
  const { rules, ...detection } = parsed.filter;
  const references = [rules].flat();
  if (!references.every((each) => typeof each === 'string') || rules === undefined)
    throw new RuleProblem('the filter needs "rules": any, or ids and names', ['filter', 'rules']);
  if (Array.isArray(detection['condition']))
    throw new RuleProblem('a filter has one condition', ['filter', 'condition']);
  const isForAll =
    references.length === 0 || (references.length === 1 && references[0]?.toLowerCase() === 'any');
  return {
    ...headOf(parsed, options, place),
    logSource: logSourceOf(parsed.logsource),
    references: isForAll ? null : references,
    predicate: readDetection(detection, 'filter', options),
  };
}

/** Fields of a correlation in the event's names; an alias is a name of the rule's own. */
function translated(rule: CorrelationRule, { fieldAliases = {} }: ReadOptions): CorrelationRule {
  const translate = (name: string): string =>
    Object.hasOwn(rule.aliases, name) ? name : fieldName(name, fieldAliases);
  const { condition } = rule;
  return {
    ...rule,
    groupBy: rule.groupBy.map(translate),
    condition:
      condition.kind === 'measure' ? { ...condition, fields: condition.fields.map(translate) } : condition,
    aliases: mapValues(rule.aliases, (fields) => mapValues(fields, (name) => fieldName(name, fieldAliases))),
  };
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function validated<Schema extends z.ZodType>(schema: Schema, document: unknown): z.output<Schema> {
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = (issue?.path ?? []).map((key) => (typeof key === 'number' ? key : String(key)));
  throw new RuleProblem(`${path.join('.') || 'the document'}: ${issue?.message ?? 'is not a rule'}`, path);
}

function headOf(about: HeadDocument, { taxonomies = [] }: ReadOptions, place: Place): RuleHead {
  if (about.status === 'deprecated' || about.status === 'unsupported')
    throw new RuleProblem(`the rule is marked as ${about.status}`, ['status']);
  const { taxonomy = 'sigma' } = about;
  const known = ['sigma', ...taxonomies];
  if (!known.includes(taxonomy))
    throw new RuleProblem(`the taxonomy "${taxonomy}" is not known: ${known.join(', ')}`, ['taxonomy']);
  return {
    id: about.id ?? about.title,
    name: about.name,
    title: about.title,
    description: about.description ?? '',
    level: about.level ?? 'medium',
    tags: about.tags ?? [],
    ...place,
  };
}

function logSourceOf({ category, product, service }: z.output<typeof ruleDocument>['logsource']): LogSource {
  return { category, product, service };
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

const reasonOf = (cause: unknown): string =>
  firstLine(cause instanceof Error ? cause.message : String(cause));

const firstLine = (message: string): string => message.split('\n')[0] ?? message;
