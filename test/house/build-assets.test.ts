import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

/** What a build has to hold beside the compiled code: every file of the product that is neither code nor a document. */
const folders = ['contracts', 'engine', 'classifiers', 'platform', 'services', 'agent', 'migrations'];

let target = '';
beforeAll(() => {
  target = mkdtempSync(join(tmpdir(), 'firebreak-assets-'));
  execFileSync(process.execPath, ['scripts/copy-assets.mjs', target]);
});
afterAll(() => rmSync(target, { recursive: true, force: true }));

test('a build takes along every file that the code may read', () => {
  const read = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/\.(?:ts|md|svg)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  expect(read.length).toBeGreaterThan(10);
  expect(read.filter((path) => !existsSync(join(target, path)))).toEqual([]);
});
