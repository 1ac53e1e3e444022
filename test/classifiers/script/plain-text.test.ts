import { describe, expect, test } from '@jest/globals';
import { readPlainText } from '../../../classifiers/script/plain-text.ts';
import { finished } from '../../../classifiers/script/steps.ts';

function read(text: string): string {
  const { units, length } = finished(readPlainText(text));
  return String.fromCharCode(...units.subarray(0, length))
    .replace(/\s+/g, ' ')
    .trim();
}

describe('a script without its disguise', () => {
  test.each([
    ['comments of lines and of blocks', "a # b 'c\n<# d\n #> e", 'a e'],
    ['a hash inside of a word or a text is no comment', 'a#b \'# c\' "# d"', 'a#b \'# c\' "# d"'],
    ['a block that never ends takes the rest', 'a <# b c', 'a'],
    ['escapes in code and in texts', '`I`e`x "Down`Load`String"', 'Iex "DownLoadString"'],
    ['a line that goes on', 'a `\nb', 'a b'],
    ['literals that are added', "'Down'+\"load\" + ('Str' + 'ing')", "'DownloadString')"],
    ['what is added to something else stays', "'a' + $b + 'c'", "'a' + $b + 'c'"],
    ['typographic quotes and dashes', '\u2018a\u2019+\u201cb\u201d \u2013enc', '\'ab" -enc'],
    ['NULs of a wrong decoding', 'i\0e\0x\0', 'iex'],
    ['the mark of a cut blob', "'AAAA<CUT:b64:5108>'", "'AAAA'"],
    ['doubled quotes', "'it''s # one'", "'it's # one'"],
    ['code inside of a text', '"a $(b "c" # d\n) # e" f', '"a $(b "c" ) # e" f'],
    ['here-strings keep quotes and hashes', "@'\n# \"a' b\n'@ # c", "@' # \"a' b '"],
  ])('%s', (_, text, plain) => {
    expect(read(text).replace('@', '')).toBe(plain.replace('@', ''));
  });

  test('a quote that a nested text hides does not make a comment of the code behind it', () => {
    expect(read('"$("x")#"; iex $evil')).toContain('iex $evil');
    expect(read("\"$(('a')+'b')\"; # note\niex $evil")).toContain('iex $evil');
    expect(read("\"$(('a')+'b')\"; # note\niex $evil")).not.toContain('note');
  });

  test('every unit knows where it stood', () => {
    const text = "<# x #> 'a'+'b' i`ex";
    const { units, origins, length } = finished(readPlainText(text));
    for (let index = 0; index < length; index++)
      if (units[index] !== 0x20) expect(text.charCodeAt(origins[index] ?? -1)).toBe(units[index]);
  });
});
