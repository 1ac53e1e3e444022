import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findHost, findUrl, ListFolders, listsInForce } from '../../../classifiers/network/lists.ts';
import { parseList } from '../../../classifiers/network/parse-list.ts';

const head = ['# source: our own', '# licence: CC0-1.0', '# date: 2026-01-01', '# expires: 2026-02-01'];
const listOf = (...lines: string[]) => [...head, ...lines].join('\n');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-lists-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a domain stands for all below it, a network for its addresses, a URL for itself', () => {
  const { list, rejected } = parseList(
    'a.list',
    listOf('evil.example.com', '8.8.4.0/24', '2606:4700::/32', 'https://host.example.net/a?b=1', '9.9.9.9'),
  );
  expect(rejected).toEqual([]);
  const lists = list === null ? [] : [list];
  expect(findHost(lists, 'a.b.evil.example.com')?.entry).toBe('evil.example.com');
  expect(findHost(lists, 'notevil.example.com')).toBeUndefined();
  expect(findHost(lists, 'example.com')).toBeUndefined();
  expect(findHost(lists, '8.8.4.77')?.entry).toBe('8.8.4.77');
  expect(findHost(lists, '8.8.8.8')).toBeUndefined();
  expect(findHost(lists, '9.9.9.9')).toBeDefined();
  expect(findHost(lists, '2606:4700:4700::1111')).toBeDefined();
  expect(findHost(lists, '2606:4701::1')).toBeUndefined();
  expect(findUrl(lists, 'https://host.example.net/a?b=1')).toBeDefined();
  expect(findUrl(lists, 'https://host.example.net/')).toBeUndefined();
});

test('a line that cannot be used is told with file, line and reason, and stops no other', () => {
  const { list, rejected } = parseList(
    'b.list',
    listOf(
      'not a domain',
      'co.uk',
      'ddns.net',
      'cloudfront.net',
      '10.0.0.1',
      '8.0.0.0/8',
      '8.8.8.8/40',
      'gopher://example.com/',
      'good.example.com # why',
    ),
  );
  expect(list?.domains).toEqual(new Set(['good.example.com']));
  expect(rejected.map(({ file, line }) => [file, line])).toEqual(
    [5, 6, 7, 8, 9, 10, 11, 12].map((line) => ['b.list', line]),
  );
  expect(rejected.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('no domain'),
    ...Array<unknown>(3).fill(expect.stringContaining('strangers share')),
    expect.stringContaining('special'),
    expect.stringContaining('too wide'),
    expect.stringContaining('prefix'),
    expect.stringContaining('URL'),
  ]);
});

test.each([
  ['nothing of the head', ['evil.example.com'], 1, 'lacks "# source: …"'],
  ['no licence', [head[0] ?? '', head[2] ?? '', head[3] ?? ''], 1, 'lacks "# licence: …"'],
  ['a day that is none', [...head.slice(0, 3), '# expires: soon'], 4, '"expires"'],
  ['an end before its beginning', [...head.slice(0, 3), '# expires: 2025-12-01'], 4, 'after `date`'],
])('a list with %s is left out as a whole', (_, lines, line, reason) => {
  const parsed = parseList('c.list', lines.join('\n'));
  expect(parsed.list).toBeNull();
  expect(parsed.rejected).toMatchObject([{ file: 'c.list', line }]);
  expect(parsed.rejected[0]?.reason).toContain(reason);
});

test('folders are read again, and only what changed', async () => {
  const folders = new ListFolders([folder]);
  expect((await folders.load()).lists).toEqual([]);
  await writeFile(join(folder, 'one.list'), listOf('one.example.com'));
  await writeFile(join(folder, 'bad.list'), 'no head');
  const first = await folders.load();
  expect(first.lists).toHaveLength(1);
  expect(first.rejected).toHaveLength(1);
  expect(await folders.load()).toBe(first);
  await writeFile(join(folder, 'one.list'), listOf('one.example.com', 'two.example.com'));
  const second = await folders.load();
  expect(second.digest).not.toBe(first.digest);
  expect(findHost(second.lists, 'two.example.com')).toBeDefined();
  await expect(new ListFolders([join(folder, 'none')]).load()).rejects.toThrow(/FIREBREAK_REPUTATION_DIRS/);
});

test('from the day of its expiry on a list says nothing', () => {
  const { list } = parseList('d.list', listOf('evil.example.com'));
  const lists = { lists: list === null ? [] : [list] };
  expect(listsInForce(lists, Date.parse('2026-01-31T23:59:59Z'))).toHaveLength(1);
  expect(listsInForce(lists, Date.parse('2026-02-01T00:00:00Z'))).toHaveLength(0);
});
