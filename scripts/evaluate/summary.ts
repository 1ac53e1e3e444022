import { groupBy } from '../../contracts/group-by.ts';
import { groupNames, type GroupName } from '../to-reports/tables.ts';
import { figuresOf, rateOf, round, type Figures, type Outcome, type Rate } from './figures.ts';
import type { JudgedRow } from './judge.ts';

/** What a classifier said of one labelled row, and where the row is from. */
export interface Sample extends Outcome {
  readonly file: string;
  readonly groups: JudgedRow['groups'];
  readonly abstained: boolean;
}

export interface FileFigures extends Figures {
  /** The model has seen rows of this file: its figures are no promise. */
  readonly trainedOn: boolean;
  /** Rows about which it had nothing to say; they count as not blocked. */
  readonly abstained: number;
}

export interface Captures {
  readonly captures: number;
  /** With at least one malicious row blocked. */
  readonly found: number;
  readonly recall: number | null;
}

export interface Summary {
  readonly files: Readonly<Record<string, FileFigures>>;
  /** All files together. */
  readonly overall: Figures;
  /** By what each group's rows are: its benign ones, its malicious ones. */
  readonly groups: Readonly<
    Partial<Record<GroupName, Readonly<Record<string, { readonly malicious: Rate; readonly benign: Rate }>>>>
  >;
  readonly captures: Captures;
}

/** A row with a label of which the classifier was asked something; null for the others. */
export function sampleOf(row: JudgedRow, classifier: string, file: string): Sample | null {
  const { judgements, label, item, groups, isReported } = row;
  const judgement = judgements.get(classifier);
  if (label === null || !isReported || judgement === undefined || judgement.decision === 'invalid')
    return null;
  return {
    ...{ file, item, groups, probability: judgement.probability },
    isMalicious: label === 'malicious',
    blocks: judgement.decision === 'block',
    abstained: judgement.decision === 'abstain',
  };
}

/** @param trainedOn files that the model has seen */
export function summarize(samples: readonly Sample[], trainedOn: ReadonlySet<string>): Summary {
  const files = [...groupBy(samples, ({ file }) => file)].map(([file, rows]) => {
    const abstained = rows.filter((row) => row.abstained).length;
    return [file, { ...figuresOf(rows), trainedOn: trainedOn.has(file), abstained }] as const;
  });
  const groups = groupNames.flatMap((name) => {
    const named = samples.filter((sample) => sample.groups[name] !== undefined);
    const byValue = [...groupBy(named, (sample) => sample.groups[name] ?? '')].map(([value, rows]) => {
      const malicious = rateOf(rows.filter(({ isMalicious }) => isMalicious));
      const benign = rateOf(rows.filter(({ isMalicious }) => !isMalicious));
      return [value, { malicious, benign }] as const;
    });
    return byValue.length === 0 ? [] : [[name, Object.fromEntries(byValue)] as const];
  });
  return {
    files: Object.fromEntries(files),
    overall: figuresOf(samples),
    groups: Object.fromEntries(groups),
    captures: capturesOf(samples),
  };
}

function capturesOf(samples: readonly Sample[]): Captures {
  const hostile = samples.filter(({ isMalicious, groups }) => isMalicious && groups.capture !== undefined);
  const captures = groupBy(hostile, ({ file, groups }) => `${file}/${groups.capture ?? ''}`);
  const found = [...captures.values()].filter((rows) => rows.some(({ blocks }) => blocks)).length;
  return {
    captures: captures.size,
    found,
    recall: captures.size === 0 ? null : round(found / captures.size),
  };
}
