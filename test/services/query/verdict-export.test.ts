import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { csvCell, exportFormat } from '../../../services/query/verdict-export.ts';

describe('a cell of CSV', () => {
  test('begins with nothing that a spreadsheet takes for a formula, and reads back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const cell = csvCell(text);
        const read = /^"([^]*)"$/.exec(cell)?.[1]?.replaceAll('""', '"') ?? cell;
        expect(read).not.toMatch(/^[=+\-@\t\r]/);
        expect(read === text || read === `'${text}`).toBe(true);
        if (!cell.startsWith('"')) expect(cell).not.toMatch(/[",\r\n]/);
      }),
    );
  });

  test('leaves numbers alone and shows nothing for null', () => {
    expect([csvCell(-3), csvCell(null), csvCell('-3')]).toEqual(['-3', '', "'-3"]);
  });
});

test.each([
  ['text/csv', 'csv'],
  ['application/json, text/csv;q=0.5', null],
  ['text/csv;q=0.5, application/json;q=0.4', 'csv'],
  ['text/csv;q=0, application/x-ndjson;q=0.1, */*;q=0.9', 'ndjson'],
  ['application/x-ndjson', 'ndjson'],
  ['*/*', null],
  [undefined, null],
] as const)('Accept %s asks for %s', (accept, format) => {
  expect(exportFormat(accept)).toBe(format);
});
