/**
 * Analyses files as the service analyses submitted samples, and says what it found: for trying rules of one's own, and for
 * looking at harmless files that must not be found.
 *
 *   npm run -s analyse -- [--rules FOLDER ...] [--all] PATH ...
 *
 * Writes one line of JSON for each file with a finding above informational (`--all`: for every file), then a summary to
 * standard error. Exits with 1 where rules were rejected.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { ClassifierOutcome } from '../classifiers/classifier.ts';
import { createContentAnalyser, type RuleContentAnalyser } from '../classifiers/content/analyser.ts';
import { createMetadataClassifier } from '../classifiers/metadata/classifier.ts';
import { loadModel } from '../platform/onnx/model.ts';

interface Options {
  readonly rules: readonly string[];
  readonly all: boolean;
  readonly workers: string;
}

const largestBytes = 64 * 1024 * 1024;
const progressEvery = 500;

async function* filesBelow(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    if ((await stat(path)).isFile()) yield path;
    else {
      for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
        if (entry.isFile()) yield join(entry.parentPath, entry.name);
      }
    }
  }
}

/** Counts of outcomes, and of files for each finding. */
class Summary {
  readonly findings = new Map<string, number>();
  files = 0;
  failed = 0;
  overThreshold = 0;

  add(outcome: ClassifierOutcome, threshold: number): void {
    this.files += 1;
    if (outcome.outcome === 'failed') this.failed += 1;
    if (outcome.outcome !== 'score') return;
    if (outcome.probability >= threshold) this.overThreshold += 1;
    for (const { code, level } of outcome.evidence) {
      const key = `${level ?? ''} ${code}`;
      this.findings.set(key, (this.findings.get(key) ?? 0) + 1);
    }
    if (this.files % progressEvery === 0) process.stderr.write(`${this.files} files\n`);
  }

  toString(): string {
    const lines = [...this.findings].sort(([, a], [, b]) => b - a).map(([key, count]) => `  ${count} ${key}`);
    return `${this.files} files, ${this.overThreshold} over the threshold, ${this.failed} failed\n${lines.join('\n')}\n`;
  }
}

async function analyse(
  analyser: RuleContentAnalyser,
  paths: readonly string[],
  options: Options,
): Promise<void> {
  const summary = new Summary();
  const { threshold } = analyser.profile;
  const files = filesBelow(paths);
  const work = async (): Promise<void> => {
    for (let next = await files.next(); next.done !== true; next = await files.next()) {
      const path = next.value;
      if ((await stat(path)).size > largestBytes) continue;
      const outcome = await analyser.analyse(await readFile(path), { name: path });
      summary.add(outcome, threshold);
      const isFound =
        outcome.outcome === 'failed' ||
        (outcome.outcome === 'score' && outcome.evidence.some(({ level }) => level !== 'informational'));
      if (options.all || isFound) process.stdout.write(`${JSON.stringify({ path, ...outcome })}\n`);
    }
  };
  await Promise.all(Array.from({ length: Number(options.workers) }, work));
  process.stderr.write(summary.toString());
}

async function main(paths: readonly string[], options: Options): Promise<void> {
  const workers = Number(options.workers);
  const metadata = await createMetadataClassifier(loadModel);
  const analyser = await createContentAnalyser({
    workers,
    timeoutMs: 30_000,
    memoryMb: 512,
    ruleFolders: options.rules,
    metadata,
  });
  const { loaded } = analyser;
  process.stderr.write(
    `${loaded.rules} rules of ${loaded.files} files, ${loaded.rejected.length} rejected\n`,
  );
  for (const { file, line, reason } of loaded.rejected) process.stderr.write(`${file}:${line}: ${reason}\n`);
  if (loaded.rejected.length > 0) process.exitCode = 1;
  try {
    await analyse(analyser, paths, options);
  } finally {
    await analyser.close();
    await metadata.close();
  }
}

await new Command('analyse')
  .description('Analyses files as the service analyses submitted samples.')
  .argument('<path...>', 'files or folders')
  .option('--rules <folder...>', 'folders with YARA rules beside those that come with the service', [])
  .option('--all', 'write a line for every file', false)
  .option('--workers <count>', 'threads', '1')
  .action(main)
  .parseAsync();
