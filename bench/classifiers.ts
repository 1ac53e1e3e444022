/** `npm run bench:classifiers`: processor time of one report in each classifier by batch size, what the model takes told apart. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import type { Classifier, ClassifierInput } from '../classifiers/classifier.ts';
import { loadClassifiers } from '../classifiers/registry.ts';
import type { OpenModel, ScoringModel } from '../classifiers/scoring-model.ts';
import { reportSchema } from '../contracts/report.ts';
import { loadModel } from '../platform/onnx/model.ts';

const batchSizes = [1, 32, 256] as const;
const goldenSchema = z.object({ report: reportSchema });

function usedUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Processor time inside of models, as the classifiers' own callers cannot see it. */
const inModels = { us: 0 };

/** The model as the service opens it, with its processor time added up: only one run is under way at a time here. */
const openMeasured: OpenModel = async (source) => {
  const model: ScoringModel = await loadModel(source);
  return {
    async run(inputs) {
      const before = usedUs();
      const scores = await model.run(inputs);
      inModels.us += usedUs() - before;
      return scores;
    },
    release: () => model.release(),
  };
};

/** The classifier's golden reports: of our own making, and of every kind that it reads. */
async function goldenInputs(id: string): Promise<readonly ClassifierInput[]> {
  const path = new URL(`../classifiers/${id}/golden.jsonl`, import.meta.url);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => ({ report: goldenSchema.parse(JSON.parse(line)).report, evidence: 'content' }));
}

interface Cost {
  readonly batch: number;
  /** Microseconds of processor time a report: median of the rounds. */
  readonly extractionUs: number;
  readonly modelUs: number;
}

async function costOf(
  classifier: Classifier,
  inputs: readonly ClassifierInput[],
  batch: number,
  seconds: number,
): Promise<Cost> {
  const rounds: { readonly extractionUs: number; readonly modelUs: number }[] = [];
  const reportsARound = Math.max(batch, 1024);
  const endMs = performance.now() + seconds * 1000;
  let next = 0;
  const nextBatch = () => Array.from({ length: batch }, () => inputs[next++ % inputs.length]);
  do {
    inModels.us = 0;
    const batches = Array.from({ length: reportsARound / batch }, () =>
      nextBatch().flatMap((one) => one ?? []),
    );
    const before = usedUs();
    for (const each of batches) await classifier.score(each);
    const whole = usedUs() - before;
    const modelUs = inModels.us / reportsARound;
    rounds.push({ extractionUs: whole / reportsARound - modelUs, modelUs });
  } while (performance.now() < endMs || rounds.length < 3);
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  return {
    batch,
    extractionUs: median(rounds.map((round) => round.extractionUs)),
    modelUs: median(rounds.map((round) => round.modelUs)),
  };
}

async function measure(seconds: number): Promise<void> {
  const { classifiers } = await loadClassifiers({
    openModel: openMeasured,
    ruleFolders: [],
    simulatedRuleFolders: [],
  });
  process.stdout.write('classifier,batch,extraction and rules µs,model µs\n');
  for (const classifier of classifiers) {
    const { id } = classifier.profile;
    const inputs = await goldenInputs(id);
    for (const batch of batchSizes) {
      await costOf(classifier, inputs, batch, seconds / 4);
      const { extractionUs, modelUs } = await costOf(classifier, inputs, batch, seconds);
      process.stdout.write(`${id},${batch},${extractionUs.toFixed(1)},${modelUs.toFixed(1)}\n`);
    }
    await classifier.close();
  }
}

await new Command('bench:classifiers')
  .description(
    'Processor time of one report in each classifier at batch 1, 32 and 256, on its golden reports: what reads the report, and what the model takes. CSV on standard output. Run it on a quiet machine.',
  )
  .option('--seconds <number>', 'measured for each batch size', '3')
  .action(({ seconds }: { readonly seconds: string }) => measure(Number(seconds)))
  .parseAsync();
