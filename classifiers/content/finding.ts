import type { Tactic } from '../../contracts/score.ts';
import type { ReportInput } from '../../contracts/report.ts';

export const findingLevels = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type FindingLevel = (typeof findingLevels)[number];

/** Something that was seen in a sample, and how much it says. */
export interface Finding {
  /** Stable: a rule's name, an anomaly. At most 64 characters. */
  readonly code: string;
  readonly title: string;
  readonly level: FindingLevel;
  /** Findings of different origin corroborate each other, those of one origin mostly describe the same thing. */
  readonly origin: 'rule' | 'structure' | 'name' | 'model';
  readonly tactic?: Tactic;
  readonly techniques?: readonly string[];
}

/** What is looked at: the sample as it came, an unpacked stream or entry, macros, decoded base64, what a shortcut runs. */
export type PartKind = 'sample' | 'unpacked' | 'macro' | 'encoded' | 'command';

/** Bytes that a sample carries packed or encoded: rules look at them as at the sample itself. */
export interface Part {
  readonly kind: PartKind;
  readonly bytes: Buffer;
}

/** The facts that an agent would report of the same file. */
export type FileFacts = Pick<ReportInput, 'file' | 'firebreak'>;

/** What the shape of a file tells. */
export interface Structure {
  readonly findings: readonly Finding[];
  readonly parts: readonly Part[];
  /** Of Windows executables. */
  readonly facts?: FileFacts;
}

/** What was found in a sample; plain values, so that it passes between threads. */
export interface Examination {
  readonly format: FileFormat;
  readonly findings: readonly Finding[];
  readonly facts?: FileFacts;
}

export const fileFormats = ['pe', 'elf', 'ole', 'zip', 'gzip', 'pdf', 'lnk', 'text', 'unknown'] as const;
export type FileFormat = (typeof fileFormats)[number];

/** A finding of the structure of a file. */
export function anomaly(
  level: 'informational' | 'low' | 'medium',
  code: string,
  title: string,
  attack: Pick<Finding, 'tactic' | 'techniques'> = {},
): Finding {
  return { code, title, level, origin: 'structure', ...attack };
}
