import { z } from 'zod';
import type { CorrelationCondition } from './correlation-condition.ts';
import type { Predicate } from './predicate.ts';

export const ruleLevels = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type RuleLevel = (typeof ruleLevels)[number];

const text = z.string().trim().min(1);
/** Log sources are written in lower case; rules of operators not always. */
const lowerText = text.toLowerCase();
const textOrList = z.union([text.transform((one) => [one]), z.array(text).min(1)]);

const logSource = z.looseObject({
  category: lowerText.exactOptional(),
  product: lowerText.exactOptional(),
  service: lowerText.exactOptional(),
});

/** What every kind of document has. Keys that the specification does not name are allowed and ignored. */
const head = {
  title: text.max(256),
  id: z.guid().exactOptional(),
  name: text.exactOptional(),
  status: z.enum(['stable', 'test', 'experimental', 'deprecated', 'unsupported']).exactOptional(),
  taxonomy: text.exactOptional(),
  description: z.string().nullish(),
  author: z.string().nullish(),
  tags: z.array(text).nullish(),
  falsepositives: z.union([z.array(z.string()), z.string()]).nullish(),
  level: z.enum(ruleLevels).exactOptional(),
};

export type HeadDocument = z.output<z.ZodObject<typeof head>>;

/** A Sigma detection rule as it stands in YAML. */
export const ruleDocument = z.looseObject({
  ...head,
  logsource: logSource,
  detection: z.record(text, z.unknown()),
});

export const correlationTypes = [
  'event_count',
  'value_count',
  'value_sum',
  'value_avg',
  'value_median',
  'value_percentile',
  'temporal',
  'temporal_ordered',
] as const;
export type CorrelationType = (typeof correlationTypes)[number];

/** A Sigma correlation as it stands in YAML. */
export const correlationDocument = z.looseObject({
  ...head,
  correlation: z.strictObject({
    type: z.enum(correlationTypes),
    rules: textOrList.exactOptional(),
    'group-by': textOrList.nullish(),
    timespan: text,
    condition: z.union([text, z.record(text, z.unknown())]).exactOptional(),
    aliases: z.record(text, z.record(text, text)).nullish(),
    generate: z.boolean().exactOptional(),
  }),
});

/** A Sigma filter as it stands in YAML. */
export const filterDocument = z.looseObject({
  ...head,
  logsource: logSource,
  filter: z.record(text, z.unknown()),
});

export interface LogSource {
  readonly category: string | undefined;
  readonly product: string | undefined;
  readonly service: string | undefined;
}

/** What is told of a rule that fired, whatever its kind. */
export interface RuleHead {
  /** The rule's own id, or its title where it has none. */
  readonly id: string;
  /** Other name by which correlations and filters may refer to it. */
  readonly name: string | undefined;
  readonly title: string;
  readonly description: string;
  readonly level: RuleLevel;
  readonly tags: readonly string[];
  /** File that the rule came from, as the caller named it. */
  readonly file: string;
  readonly line: number;
}

/** A detection rule ready to be compiled. */
export interface SigmaRule extends RuleHead {
  readonly logSource: LogSource;
  readonly predicate: Predicate;
  /** Whether it stands for something by itself, and is not only a part of a correlation. */
  readonly reported: boolean;
}

/** A correlation as it was read: its references are not looked up yet. */
export interface CorrelationRule extends RuleHead {
  readonly type: CorrelationType;
  /** Ids or names of detection rules and correlations. */
  readonly references: readonly string[];
  readonly groupBy: readonly string[];
  readonly timespanMs: number;
  readonly condition: CorrelationCondition;
  /** Field by reference, by alias. */
  readonly aliases: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Whether the rules that it refers to are reported by themselves too. */
  readonly generate: boolean;
  readonly reported: boolean;
}

/** What exempts events from rules. */
export interface RuleFilter extends RuleHead {
  readonly logSource: LogSource;
  /** Ids or names; null means every rule of the log source. */
  readonly references: readonly string[] | null;
  /** Must hold beside the rule's own detection. */
  readonly predicate: Predicate;
}
