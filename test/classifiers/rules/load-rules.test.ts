import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadRules, ruleFolders } from '../../../classifiers/rules/load-rules.ts';

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

  test('on trial are told from those in force, with what rests on them', async () => {
    const correlation = JSON.stringify({
      title: 'Both',
      correlation: {
        ...{ type: 'temporal', 'group-by': ['User'], timespan: '1m' },
        rules: ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'],
      },
    });
    await put('force/a.yml', source('1'));
    await put('force/both.yml', correlation);
    await put('trial/b.yml', source('2'));
    const { rules, simulated } = await loadRules([join(folder, 'force')], {
      simulated: [join(folder, 'trial')],
    });
    expect(rules).toHaveLength(2);
    expect([...simulated]).toEqual(['00000000-0000-4000-8000-000000000002', 'Both']);
  });

  test('on trial do not replace a rule in force, and hold no filters', async () => {
    const filter = { title: 'F', logsource: {}, filter: { rules: 'any', s: { A: 1 }, condition: 'not s' } };
    await put('force/a.yml', source('1'));
    await put('trial/a.yml', source('1'));
    await put('trial/f.yml', JSON.stringify(filter));
    const { rules, simulated, rejected } = await loadRules([join(folder, 'force')], {
      simulated: [join(folder, 'trial')],
    });
    expect(rules[0]?.predicate).toMatchObject({ kind: 'test' });
    expect([rules.length, simulated.size]).toEqual([1, 0]);
    expect(rejected.map(({ reason }) => reason)).toEqual([
      'a filter cannot be tried: put it into a folder of FIREBREAK_RULE_DIRS',
      expect.stringContaining('is taken by'),
    ]);
  });

  test('are read again as they are then', async () => {
    const folders = ruleFolders([folder]);
    await put('a.yml', source('1'));
    const first = await folders.load();
    expect(await folders.load()).toBe(first);
    await put('b.yml', source('2'));
    const second = await folders.load();
    expect(second.rules).toHaveLength(2);
    expect(second.rules[0]).toBe(first.rules[0]);
    await rm(join(folder, 'a.yml'));
    expect((await folders.load()).rules.map(({ file }) => file)).toEqual([join(folder, 'b.yml')]);
  });

  test('that cannot be read any more leave what was loaded', async () => {
    const inner = join(folder, 'inner');
    const folders = ruleFolders([inner]);
    await put('inner/a.yml', source('1'));
    const first = await folders.load();
    await rm(inner, { recursive: true });
    await expect(folders.load()).rejects.toThrow(/cannot be read/);
    await put('inner/a.yml', source('1'));
    expect((await folders.load()).digest).toBe(first.digest);
  });
});
