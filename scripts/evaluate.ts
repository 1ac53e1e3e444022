/** `npm run evaluate`: how well each classifier does on every file of a folder of labelled data, at its threshold as shipped. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, parse, relative } from 'node:path';
import { Command } from 'commander';
import { runProgram } from './command-line.ts';
import type { Classifier } from '../classifiers/classifier.ts';
import { curveSvg } from './evaluate/curve-svg.ts';
import { rateOf, rocOf } from './evaluate/figures.ts';
import { judge, openClassifiers } from './evaluate/judge.ts';
import { sampleOf, summarize, type Sample, type Summary } from './evaluate/summary.ts';
import { isKnownTable, readTable } from './to-reports/tables.ts';

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Relative to the folder, in a fixed order. */
async function tablesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(?:csv|jsonl)(?:\.gz)?$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
  const known: string[] = [];
  for (const path of paths) if (await isKnownTable(join(folder, path))) known.push(path);
  return known;
}

async function trainingFiles(id: string): Promise<ReadonlySet<string>> {
  const manifest = new URL(`../classifiers/${id}/manifest.json`, import.meta.url);
  const { training } = JSON.parse(await readFile(manifest, 'utf8')) as {
    readonly training?: { readonly data: readonly { readonly file: string }[] };
  };
  return new Set(training?.data.map(({ file }) => file));
}

/** Every labelled row by classifier, and by all of them together where there are several. */
async function samplesOf(
  classifiers: readonly Classifier[],
  folder: string,
  files: readonly string[],
): Promise<Map<string, readonly Sample[]>> {
  const ids = classifiers.map(({ profile }) => profile.id);
  const samples = new Map<string, Sample[]>(
    (ids.length > 1 ? [...ids, 'combined'] : ids).map((id) => [id, []]),
  );
  for (const file of files) {
    const startedMs = performance.now();
    let rows = 0;
    for await (const row of judge(classifiers, readTable(join(folder, file)))) {
      rows += 1;
      for (const [id, mine] of samples) {
        const sample = sampleOf(row, id, file);
        if (sample !== null) mine.push(sample);
      }
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    say(`  ${file}: ${rows} rows, ${seconds} s`);
  }
  return samples;
}

/** Leaves out files of which it has nothing to say at all. */
function answered(samples: readonly Sample[]): readonly Sample[] {
  const files = new Set(samples.filter(({ abstained }) => !abstained).map(({ file }) => file));
  return samples.filter(({ file }) => files.has(file));
}

function drawn(id: string, samples: readonly Sample[]): string {
  const curve = (name: string, rows: readonly Sample[]) => {
    const shipped = {
      fpr: rateOf(rows.filter(({ isMalicious }) => !isMalicious)).rate ?? 0,
      tpr: rateOf(rows.filter(({ isMalicious }) => isMalicious)).rate ?? 0,
    };
    return { name, points: rocOf(rows), shipped };
  };
  const files = [...new Set(samples.map(({ file }) => file))];
  const curves = [
    curve('all files', samples),
    ...files.map((file) =>
      curve(
        file,
        samples.filter((sample) => sample.file === file),
      ),
    ),
  ];
  return curveSvg(
    id,
    curves.filter(({ points }) => points.length > 0),
  );
}

function percent(rate: number | null): string {
  return rate === null ? '     –' : `${(100 * rate).toFixed(2).padStart(5)} %`;
}

function table(id: string, { files, overall, captures }: Summary): void {
  say(`\n${id}: blocked at the threshold as shipped, by row and (by distinct item)`);
  for (const [name, { malicious, benign }] of [...Object.entries(files), ['together', overall] as const])
    say(
      `  ${percent(malicious.rate)} (${percent(malicious.itemRate)}) of ${String(malicious.rows).padStart(5)} malicious, ${percent(benign.rate)} (${percent(benign.itemRate)}) of ${String(benign.rows).padStart(5)} benign  ${name}`,
    );
  if (captures.captures > 0) say(`  ${captures.found} of ${captures.captures} captures found`);
}

async function evaluate(folder: string, out: string, ids: readonly string[]): Promise<void> {
  const files = await tablesIn(folder);
  if (files.length === 0) throw new Error(`There is no table in ${folder} that is known.`);
  const classifiers = await openClassifiers(ids);
  const samples = await samplesOf(classifiers, folder, files);
  const trained = new Map<string, ReadonlySet<string>>();
  for (const classifier of classifiers) {
    const { id } = classifier.profile;
    trained.set(id, await trainingFiles(id));
    await classifier.close();
  }
  if (classifiers.length > 1)
    trained.set('combined', new Set([...trained.values()].flatMap((each) => [...each])));
  const { dir, name } = parse(out);
  await mkdir(dirname(out), { recursive: true });
  const summaries: Record<string, Summary & { readonly version?: string; readonly threshold?: number }> = {};
  for (const [id, all] of samples) {
    const profile = classifiers.find((classifier) => classifier.profile.id === id)?.profile;
    const about = profile === undefined ? {} : { version: profile.version, threshold: profile.threshold };
    const rows = answered(all);
    const summary = summarize(rows, trained.get(id) ?? new Set());
    summaries[id] = { ...about, ...summary };
    await writeFile(join(dir, `${name}-${id}.svg`), drawn(id, rows));
    table(id, summary);
  }
  await writeFile(out, `${JSON.stringify({ files, classifiers: summaries }, null, 2)}\n`);
  say(`\nwritten: ${out} and a curve beside it for each classifier`);
}

const program = new Command('evaluate')
  .description(
    'Judges every known table of a folder by each classifier, at the thresholds as shipped, with the code of the running service.',
  )
  .requiredOption(
    '--data <folder>',
    'CSV and JSON lines, plain or .gz; kinds are told by columns, see score --help',
  )
  .requiredOption('--out <file>', 'figures as JSON; curves as SVG go beside it')
  .option('--classifier <id...>', 'these alone', [])
  .action(async (options: { readonly data: string; readonly out: string; readonly classifier: string[] }) => {
    await evaluate(options.data, options.out, options.classifier);
  });
await runProgram(program);
