import { z } from 'zod';
import type { Predicate } from './predicate.ts';

export const ruleLevels = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type RuleLevel = (typeof ruleLevels)[number];

const text = z.string().trim().min(1);
const logSource = z.looseObject({
  category: text.exactOptional(),
  product: text.exactOptional(),
  service: text.exactOptional(),
});

/** A Sigma detection rule as it stands in YAML. Keys that the specification does not name are allowed and ignored. */
export const ruleDocument = z.looseObject({
  title: text.max(256),
  id: z.guid().exactOptional(),
  status: z.enum(['stable', 'test', 'experimental', 'deprecated', 'unsupported']).exactOptional(),
  description: z.string().nullish(),
  author: z.string().nullish(),
  tags: z.array(text).nullish(),
  falsepositives: z.union([z.array(z.string()), z.string()]).nullish(),
  level: z.enum(ruleLevels).exactOptional(),
  logsource: logSource,
  detection: z.record(text, z.unknown()),
});
export type RuleDocument = z.output<typeof ruleDocument>;

export interface LogSource {
  readonly category: string | undefined;
  readonly product: string | undefined;
  readonly service: string | undefined;
}

/** A rule ready to be compiled. */
export interface SigmaRule {
  /** The rule's own id, or its title where it has none. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly level: RuleLevel;
  readonly tags: readonly string[];
  readonly logSource: LogSource;
  readonly predicate: Predicate;
  /** File that the rule came from, as the caller named it. */
  readonly file: string;
  readonly line: number;
}
