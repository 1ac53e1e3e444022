import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { compileRules } from '../../../../classifiers/content/yara/engine.ts';
import { loadYaraRules } from '../../../../classifiers/content/yara/load-rules.ts';
import { splitRules, withoutRules } from '../../../../classifiers/content/yara/split-rules.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-yara-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(folder, name), text);

function hits(sources: readonly string[], text: string): readonly string[] {
  return sources.flatMap((source) =>
    compileRules(source)
      .scan(Buffer.from(text), 'sample')
      .map(({ name }) => name),
  );
}

test('a bad rule is told with file, line and reason, and the others stay', async () => {
  await write(
    '1-mixed.yar',
    [
      'rule good { strings: $a = "needle" condition: $a }',
      'rule wrong {',
      '  condition: nothing_of_that_name',
      '}',
      'import "pe" rule on_one_line { condition: filesize > 0 } rule bad_too { condition: pe.nothing }',
      'rule last { strings: $a = /rule x \\{/ $b = "// rule y {" condition: any of them }',
    ].join('\n'),
  );
  await write(
    '2-broken.yara',
    'rule unclosed { strings: $a = "x\n condition: $a }\nrule fine { condition: filesize > 3 }',
  );
  await write('3-same-name.yar', 'rule good { condition: false }');
  await write('4-global.yar', 'global rule silences { condition: false }');
  await write('5-include.yar', 'include "/etc/passwd"\nrule behind { condition: true }');
  await write('6-slow.yar', 'rule slow { condition: for any i in (0..filesize) : (uint8(i) == 0x41) }');
  await write('notes.txt', 'rule ignored {');
  const loaded = await loadYaraRules([folder]);
  const told = loaded.rejected.map(
    ({ file, line, reason }) => `${file.slice(folder.length + 1)}:${line} ${reason}`,
  );
  expect(told).toEqual([
    expect.stringMatching(/^1-mixed\.yar:3 unknown identifier `nothing_of_that_name`/),
    expect.stringMatching(/^1-mixed\.yar:5 unknown field/),
    expect.stringMatching(/^2-broken\.yara:1 syntax error: unclosed literal string/),
    expect.stringMatching(/^3-same-name\.yar:1 a rule of the name good stands in .*1-mixed\.yar:1/),
    expect.stringMatching(/^4-global\.yar:1 a global rule/),
    expect.stringMatching(/^5-include\.yar:1 the whole file is left out: include statements not allowed/),
    expect.stringMatching(/^6-slow\.yar:1 /),
  ]);
  expect(loaded).toMatchObject({ rules: 4, files: 6 });
  expect(hits(loaded.sources, 'a needle')).toEqual(['good', 'on_one_line', 'fine']);
  expect(hits(loaded.sources, 'rule x {')).toContain('last');
});

test('a rule reads which part it looks at, and asks for names in vain', () => {
  const rules = compileRules(
    'rule macro { condition: part == "macro" } rule named { condition: filename matches /./ or extension != "" }',
  );
  expect(rules.scan(Buffer.from('x'), 'macro').map(({ name }) => name)).toEqual(['macro']);
  expect(rules.scan(Buffer.from('x'), 'sample')).toEqual([]);
});

test('rules are found whatever stands in texts and comments, and blanked without moving others', () => {
  const source =
    '/* rule a { */ private rule b { condition: "/*" == "" }\r\n// rule c {\nglobal private rule d{condition:true}';
  const rules = splitRules(source);
  expect(rules.map(({ name, firstLine, isGlobal }) => [name, firstLine, isGlobal])).toEqual([
    ['b', 1, false],
    ['d', 3, true],
  ]);
  const rest = withoutRules(source, rules.slice(0, 1));
  expect(rest).toHaveLength(source.length);
  expect(rest.indexOf('global')).toBe(source.indexOf('global'));
});

test('a folder that is not there is a mistake of the configuration', async () => {
  await expect(loadYaraRules([join(folder, 'missing')])).rejects.toMatchObject({ code: 'FB_CONFIG_INVALID' });
});
