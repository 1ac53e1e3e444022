/**
 * Describes benign executables for training, as an agent would: header, section entropies and size, nothing of their code.
 * Each folder under FOLDER is one package; its files are read in the order of their names, at most `mostLibraries`
 * libraries a package, so that one large toolkit does not drown the rest.
 *
 *   node --import tsx scripts/collect-executables.ts FOLDER > rows.jsonl
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { observeFile } from '../agent/sdk/observe.ts';
import { PE_HEADER_FIELDS } from '../classifiers/metadata/features.ts';

const mostLibraries = 60;
const executableName = /\.(exe|dll|pyd)$/i;
const isProgram = (path: string) => path.toLowerCase().endsWith('.exe');

async function describe(
  path: string,
): Promise<{ readonly sha256: string; readonly report: object } | undefined> {
  const { artifact, file, firebreak } = await observeFile(path);
  const fields = firebreak?.pe?.header;
  const sha256 = artifact.hash?.sha256;
  if (fields === undefined || sha256 === undefined) return undefined;
  const header = Object.fromEntries(
    PE_HEADER_FIELDS.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  );
  const sections = (file?.pe?.sections ?? []).map(({ name, entropy }) => ({ name, entropy }));
  return { sha256, report: { file: { size: file?.size, pe: { sections } }, firebreak: { pe: { header } } } };
}

async function collect(folder: string): Promise<void> {
  const seen = new Set<string>();
  for (const name of (await readdir(folder)).sort()) {
    const paths = (await readdir(join(folder, name), { recursive: true }))
      .filter((path) => executableName.test(path))
      .sort();
    const libraries = paths.filter((path) => !isProgram(path)).slice(0, mostLibraries);
    for (const path of [...paths.filter(isProgram), ...libraries]) {
      const row = await describe(join(folder, name, path));
      if (row === undefined || seen.has(row.sha256)) continue;
      seen.add(row.sha256);
      process.stdout.write(`${JSON.stringify({ package: name, name: basename(path), ...row })}\n`);
    }
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('usage: collect-executables.ts FOLDER\n');
  process.exitCode = 2;
} else await collect(folder);
