/** `npm run -s score`: what one classifier says of every row of a file, as CSV on standard output. */
import { once } from 'node:events';
import { Command } from 'commander';
import { runProgram } from './command-line.ts';
import { judge, openClassifiers } from './evaluate/judge.ts';
import { readTable, shapes } from './to-reports/tables.ts';

const kinds = shapes.map(({ name, holds }) => `  ${name}: ${holds}`).join('\n');

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function score(id: string, file: string): Promise<void> {
  const [classifier] = await openClassifiers([id]);
  if (classifier === undefined) return;
  const { threshold } = classifier.profile;
  const { stdout } = process;
  stdout.write('id,probability,threshold,decision\n');
  for await (const { id: row, judgements } of judge([classifier], readTable(file))) {
    const judgement = judgements.get(id);
    if (judgement === undefined) throw new Error(`${id} did not judge row ${row}.`);
    const { probability, decision } = judgement;
    const line = `${cell(row)},${probability.toFixed(6)},${threshold},${decision}\n`;
    if (!stdout.write(line)) await once(stdout, 'drain');
  }
  await classifier.close();
}

const program = new Command('score')
  .description(
    'Scores every row of a file by one classifier, with the code of the running service. Prints CSV, a line for each row in its order.',
  )
  .requiredOption('--classifier <id>', 'such as metadata, behavior, script, network, rules')
  .argument('<file>', 'CSV with a header line or JSON lines, plain or .gz')
  .addHelpText(
    'after',
    `\nKinds of files, told by their columns:\n${kinds}\n\nDecisions: block (at or above the threshold, and not capped; of a classifier that only supports: its full support), allow, abstain (it has nothing to say; the base rate stands\nfor its probability), invalid (the service would refuse the report), failed.`,
  )
  .action(async (file: string, { classifier }: { readonly classifier: string }) => {
    await score(classifier, file);
  });
await runProgram(program);
