import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadRules } from '../../../classifiers/rules/load-rules.ts';

const source = (id: string, modifier = 'endswith'): string =>
  JSON.stringify({
    title: 'A rule',
    id: `00000000-0000-4000-8000-00000000000${id}`,
    logsource: { category: 'process_creation' },
    detection: { a: { [`NewProcessName|${modifier}`]: 'x' }, condition: 'a' },
  });

describe('rule folders', () => {
  let folder = '';
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rules-'));
  });
  afterEach(async () => rm(folder, { recursive: true }));

  test('are read with their subfolders; other files are left alone', async () => {
    await put('a.yml', source('1'));
    await put('deep/er/b.yaml', source('2'));
    await put('notes.md', 'not a rule');
    const { rules, rejected, files } = await loadRules([folder]);
    expect(rules.map(({ file }) => file)).toEqual([join(folder, 'a.yml'), join(folder, 'deep/er/b.yaml')]);
    expect([rejected, files]).toEqual([[], 2]);
  });

  test('a bad rule is told with its file and stops no other', async () => {
    await put('a.yml', source('1', 'like'));
    await put('b.yml', source('2'));
    const { rules, rejected } = await loadRules([folder]);
    expect(rules).toHaveLength(1);
    expect(rejected).toEqual([
      { file: join(folder, 'a.yml'), line: 1, reason: 'the modifier "like" is not known' },
    ]);
  });

  test('of two rules with one id the first stands', async () => {
    await put('a.yml', source('1'));
    await put('b.yml', source('1'));
    const { rules, rejected } = await loadRules([folder]);
    expect(rules.map(({ file }) => file)).toEqual([join(folder, 'a.yml')]);
    expect(rejected).toEqual([
      { file: join(folder, 'b.yml'), line: 1, reason: expect.stringContaining('is taken by') },
    ]);
  });

  test('field names of the security log are read as those of the events', async () => {
    await put('a.yml', source('1'));
    const { rules } = await loadRules([folder]);
    expect(rules[0]?.predicate).toMatchObject({ field: 'Image' });
  });

  test('the digest changes with every text that is read', async () => {
    await put('a.yml', source('1'));
    const before = await loadRules([folder]);
    expect((await loadRules([folder])).digest).toBe(before.digest);
    await put('a.yml', `${source('1')}\n`);
    expect((await loadRules([folder])).digest).not.toBe(before.digest);
  });

  test('that do not exist are an error', async () => {
    await expect(loadRules([join(folder, 'none')])).rejects.toThrow(/cannot be read/);
  });

  test('a huge file is rejected', async () => {
    await put('a.yml', `${source('1')}${' '.repeat(1_048_576)}`);
    expect((await loadRules([folder])).rejected).toMatchObject([
      { reason: expect.stringContaining('larger than') },
    ]);
  });
});
