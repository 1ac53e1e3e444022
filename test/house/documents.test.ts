import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { serviceVersion } from '../../contracts/version.ts';
import { referenceDocs } from '../../scripts/reference-docs.ts';
import { projectFiles, read } from './source-files.ts';

const pages = projectFiles().filter((path) => path.endsWith('.md') && existsSync(path));
const scripts = Object.keys(
  (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts,
);
const codeBlocks = (text: string) =>
  [...text.matchAll(/```[a-z]*\n([\s\S]*?)```|`([^`\n]+)`/g)].map((match) => match[1] ?? match[2] ?? '');

describe('documents', () => {
  test('docs/reference is what `npm run docs` makes of the code', () => {
    const made = referenceDocs();
    expect(readdirSync('docs/reference').sort()).toEqual(Object.keys(made).sort());
    for (const [name, text] of Object.entries(made)) expect(read(`docs/reference/${name}`)).toBe(text);
  });

  test('the version is that of the package', () => {
    expect((JSON.parse(read('package.json')) as { version: string }).version).toBe(serviceVersion);
  });

  test('every relative link leads to a file', () => {
    const dead = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map((match) => normalize(join(dirname(page), match[1] ?? '')))
        .filter((target) => !existsSync(target))
        .map((target) => `${page} -> ${target}`),
    );
    expect(dead).toEqual([]);
  });

  test('every npm script that a document names is there', () => {
    const named = pages.flatMap((page) =>
      codeBlocks(read(page)).flatMap((code) =>
        [...code.matchAll(/npm run (?:-s )?([a-z][a-z0-9:-]*)/g)].map(
          (match) => `${page}: ${match[1] ?? ''}`,
        ),
      ),
    );
    expect(named.filter((name) => !scripts.includes(name.split(': ')[1] ?? ''))).toEqual([]);
  });

  test('every path of the project that a document names is there', () => {
    const folders =
      /^(?:contracts|engine|classifiers|platform|services|agent|migrations|training|bench|scripts|test|docs)\/[\w./-]*$/;
    const named = pages.flatMap((page) =>
      codeBlocks(read(page))
        .filter((code) => folders.test(code))
        .map((path) => `${page}: ${path}`),
    );
    expect(named.filter((name) => !existsSync(name.split(': ')[1] ?? ''))).toEqual([]);
  });

  test('every script that the package names is there', () => {
    const commands = Object.values(
      (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts,
    );
    const files = commands.flatMap((command) =>
      [...command.matchAll(/(?:^|\s)((?:scripts|services|bench|agent|training)\/[\w./-]+)/g)].map(
        (match) => match[1] ?? '',
      ),
    );
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });

  test('nothing names a registry host or a path of somebody’s machine', () => {
    const texts = projectFiles().filter(
      (path) =>
        /\.(?:ts|mjs|json|md|sql|ya?ml|py|sh|txt)$/.test(path) &&
        existsSync(path) &&
        path !== 'test/house/documents.test.ts',
    );
    const foreign =
      /registry\.npmjs\.org|pypi\.org\/simple|files\.pythonhosted|repo1?\.maven|\/home\/[a-z]+\/|\/work\/(?:main|shared)/;
    expect(texts.filter((path) => foreign.test(read(path)))).toEqual([]);
  });
});
