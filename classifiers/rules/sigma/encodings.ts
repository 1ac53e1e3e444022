import type { Pattern } from './pattern.ts';
import { mapText, plainText } from './pattern.ts';
import { RuleProblem } from './rule-problem.ts';

export type WideEncoding = 'wide' | 'utf16le' | 'utf16be' | 'utf16';

/** All signs that Windows programs take as the mark of an option. */
const dashes = ['-', '/', '\u2013', '\u2014', '\u2015'] as const;
const optionMark = /\B[-/]\b/;
const maximalDashes = 3;

/** Every way of writing the option marks of a value: one mark makes five patterns. Throws above three marks. */
export function expandDashes(pattern: Pattern): readonly Pattern[] {
  let grown: Pattern[] = [[]];
  let marks = 0;
  for (const part of pattern) {
    const pieces = part.kind === 'text' ? part.text.split(optionMark) : [];
    if (part.kind !== 'text') {
      grown = grown.map((head) => [...head, part]);
      continue;
    }
    marks += pieces.length - 1;
    if (marks > maximalDashes)
      throw new RuleProblem(`windash takes at most ${maximalDashes} option marks in a value`);
    const texts = pieces.reduce<string[]>(
      (heads, piece, index) =>
        index === 0 ? [piece] : heads.flatMap((head) => dashes.map((dash) => `${head}${dash}${piece}`)),
      [],
    );
    grown = grown.flatMap((head) => texts.map((text): Pattern => [...head, { kind: 'text', text }]));
  }
  return grown;
}

/**
 * UTF-16 of a value as the text that its bytes make when each byte is read as one character: the form in which a
 * following base64 modifier encodes it. `utf16` puts the byte order mark of UTF-16LE in front.
 */
export function widen(pattern: Pattern, encoding: WideEncoding): Pattern {
  const wide = mapText(pattern, (text) => {
    const bytes = Buffer.from(text, 'utf16le');
    if (encoding === 'utf16be') bytes.swap16();
    return bytes.toString('latin1');
  });
  return encoding === 'utf16' ? [{ kind: 'text', text: '\u00ff\u00fe' }, ...wide] : wide;
}

/** Base64 of a value without wildcards. `bytes` says whether an earlier modifier already made one character a byte. */
export function toBase64(pattern: Pattern, bytes: boolean): Pattern {
  return [{ kind: 'text', text: encodable(pattern, bytes).toString('base64') }];
}

/**
 * What base64 shows of a value that stands somewhere inside encoded data: three alignments, each cut to the characters
 * that do not depend on the neighbouring bytes.
 */
export function toBase64Offsets(pattern: Pattern, bytes: boolean): readonly Pattern[] {
  const data = encodable(pattern, bytes);
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), data]).toString('base64');
    const start = [0, 2, 3][shift];
    const end = [text.length, -3, -2][(data.length + shift) % 3];
    return [{ kind: 'text', text: text.slice(start, end) }];
  });
}

function encodable(pattern: Pattern, bytes: boolean): Buffer {
  const text = plainText(pattern);
  if (text === undefined) throw new RuleProblem('base64 cannot encode a value with wildcards');
  return Buffer.from(text, bytes ? 'latin1' : 'utf8');
}
