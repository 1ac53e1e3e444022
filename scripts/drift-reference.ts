/** `npm run drift-reference`: writes beside each model how its features and its score are spread over the data it was made from. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Classifier } from '../classifiers/classifier.ts';
import { histogramOf, scoreFeature, type DriftReference } from '../classifiers/drift.ts';
import { readModelManifest } from '../classifiers/model-manifest.ts';
import { asInput, openClassifiers } from './evaluate/judge.ts';
import { readTable } from './to-reports/tables.ts';

type Columns = Map<string, (number | null)[]>;

async function collect(classifier: Classifier, table: string, columns: Columns): Promise<void> {
  const { described, profile } = classifier;
  if (described === undefined) return;
  for await (const { reports } of readTable(table)) {
    for (const report of reports) {
      const input = asInput(report);
      if (input === null || !profile.accepts.includes(input.report.artifact.kind)) continue;
      const [outcome] = await classifier.score([input]);
      const values = described.of(input);
      if (outcome?.outcome !== 'score' || values === null) continue;
      described.names.forEach((name, index) => add(columns, name, values[index] ?? -1));
      add(columns, scoreFeature, outcome.probability);
    }
  }
}

function add(columns: Columns, name: string, value: number): void {
  const column = columns.get(name) ?? [];
  column.push(value < 0 ? null : value);
  columns.set(name, column);
}

async function writeReference(classifier: Classifier, data: string): Promise<void> {
  const { id } = classifier.profile;
  const folder = new URL(`../classifiers/${id}/`, import.meta.url);
  const { model, training } = await readModelManifest(new URL('manifest.json', folder));
  const columns: Columns = new Map();
  for (const { file } of training.data) {
    await collect(classifier, join(data, file), columns);
    process.stderr.write(`${id}: ${file}, ${columns.get(scoreFeature)?.length ?? 0} inputs\n`);
  }
  const features = Object.fromEntries([...columns].map(([name, values]) => [name, histogramOf(values)]));
  const rows = columns.get(scoreFeature)?.length ?? 0;
  const reference: DriftReference = { modelSha256: model.sha256, rows, features };
  await writeFile(new URL('reference.json', folder), `${JSON.stringify(reference)}\n`);
}

const program = new Command('drift-reference')
  .description(
    'Writes classifiers/<id>/reference.json for each model: run it after `npm run train`, over the same data.',
  )
  .requiredOption('--data <folder>', 'the folder that the model was trained from')
  .option('--classifier <id...>', 'these alone', [])
  .action(async (options: { readonly data: string; readonly classifier: string[] }) => {
    for (const classifier of await openClassifiers(options.classifier)) {
      if (classifier.described !== undefined) await writeReference(classifier, options.data);
      await classifier.close();
    }
  });
program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
