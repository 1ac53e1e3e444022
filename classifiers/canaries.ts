import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { reportSchema } from '../contracts/report.ts';
import type { Classifier, ClassifierInput } from './classifier.ts';

/** A synthetic report to which the answer is known. */
export interface Canary {
  readonly name: string;
  readonly input: ClassifierInput;
  readonly isRight: (probability: number | null, threshold: number) => boolean;
  /** A single wrong answer has a lawful cause. */
  readonly mayDiffer: boolean;
}

/** The same model differs by less on any machine, and one that was altered or runs wrongly by more. */
const tolerance = 1e-4;

/** A line of `golden.jsonl`: what a model must answer, or the level that the rules must reach. */
const lineSchema = z.union([
  z.object({
    name: z.string(),
    report: reportSchema,
    expected: z.object({ probability: z.number() }).nullable(),
  }),
  z.object({ name: z.string(), report: reportSchema, highest: z.string().nullable() }),
]);

/**
 * The golden reports of a classifier, harmless and hostile ones.
 * @throws Error where the file is missing or a line is none
 */
export async function readCanaries(folder: URL): Promise<readonly Canary[]> {
  const text = await readFile(new URL('golden.jsonl', folder), 'utf8');
  return text.trimEnd().split('\n').flatMap(toCanary);
}

function toCanary(text: string): readonly Canary[] {
  const line = lineSchema.parse(JSON.parse(text));
  const input: ClassifierInput = { report: line.report, evidence: 'content' };
  if ('expected' in line) {
    const known = line.expected?.probability ?? null;
    const isRight = (probability: number | null): boolean =>
      probability === null || known === null
        ? probability === known
        : Math.abs(probability - known) <= tolerance;
    return [{ name: line.name, input, isRight, mayDiffer: false }];
  }
  // An operator's own rules may find more than the golden cases say, never less.
  if (line.highest !== 'high' && line.highest !== 'critical') return [];
  const isRight = (probability: number | null, threshold: number): boolean => (probability ?? 0) >= threshold;
  return [{ name: line.name, input, isRight, mayDiffer: true }];
}

/**
 * Asks for every known answer. One wrong one is enough where a model answers; rules may be narrowed by an operator's own
 * filters, so that they count as wrong when most of them are silent.
 * @returns what is wrong, in a sentence; null where nothing is
 */
export async function wrongAnswer(
  classifier: Classifier,
  canaries: readonly Canary[],
): Promise<string | null> {
  const { accepts, threshold } = classifier.profile;
  const asked = canaries.filter(({ input }) => accepts.includes(input.report.artifact.kind));
  const wrong: string[] = [];
  for (let from = 0; from < asked.length; from += canariesAtOnce) {
    const some = asked.slice(from, from + canariesAtOnce);
    const outcomes = await classifier.score(some.map(({ input }) => input)).catch(() => []);
    for (const [index, { name, isRight, mayDiffer }] of some.entries()) {
      const outcome = outcomes[index] ?? { outcome: 'failed' };
      const probability = outcome.outcome === 'score' ? outcome.probability : null;
      if (outcome.outcome !== 'failed' && isRight(probability, threshold)) continue;
      const answer = outcome.outcome === 'score' ? outcome.probability.toFixed(4) : outcome.outcome;
      const text = `the answer to the golden report “${name}” is wrong: ${answer}`;
      if (!mayDiffer) return text;
      wrong.push(text);
    }
  }
  return wrong.length * 2 > asked.length ? (wrong[0] ?? null) : null;
}

/** So that the event loop has its turn between them. */
const canariesAtOnce = 8;
