import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CONTEXT_ROWS_FROM, extractFeatures, TABLE_ROWS } from '../../../classifiers/behavior/features.ts';
import type { ObservedProcess } from '../../../classifiers/behavior/process-context.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 6000 });
const anyProcess: fc.Arbitrary<ObservedProcess> = fc.record({
  entityId: fc.constant(undefined),
  commandLine: anyText,
  executable: fc.option(anyText, { nil: undefined }),
  lineage: fc.array(
    fc.record({
      executable: fc.option(anyText, { nil: undefined }),
      commandLine: fc.option(anyText, { nil: undefined }),
    }),
    { maxLength: 8 },
  ),
});
const typed = (commandLine: string): ObservedProcess => ({
  entityId: undefined,
  commandLine,
  executable: undefined,
  lineage: [],
});
const content = (commandLine: string) => new Set(extractFeatures(typed(commandLine)).content);

describe('extractFeatures of the behavior classifier', () => {
  test('every process has rows, each once, text below and context above the border', () => {
    fc.assert(
      fc.property(anyProcess, (process) => {
        const { content: text, context } = extractFeatures(process);
        expect(text.length).toBeGreaterThan(0);
        expect(new Set([...text, ...context]).size).toBe(text.length + context.length);
        expect(text.every((row) => Number.isInteger(row) && row > 0 && row < CONTEXT_ROWS_FROM)).toBe(true);
        expect(
          context.every((row) => Number.isInteger(row) && row >= CONTEXT_ROWS_FROM && row < TABLE_ROWS),
        ).toBe(true);
      }),
    );
  });

  test('context never changes what the text says', () => {
    fc.assert(
      fc.property(anyProcess, (process) => {
        expect(extractFeatures(process).content).toEqual(extractFeatures(typed(process.commandLine)).content);
      }),
    );
  });

  test('a parent whose image is not known says nothing, whatever its command line is', () => {
    const below = (parent: ObservedProcess['lineage'][number]) =>
      extractFeatures({ ...typed('cmd.exe /c dir'), lineage: [parent] }).context;
    const image = String.raw`C:\Windows\explorer.exe`;
    expect(below({ executable: undefined, commandLine: 'explorer.exe' })).toEqual([]);
    expect(below({ executable: image, commandLine: 'explorer.exe' }).length).toBeGreaterThan(
      below({ executable: image, commandLine: undefined }).length,
    );
  });

  test('two spellings of one canonical command line are the same', () => {
    expect(content('"C:\\Windows\\System32\\CMD.EXE"   /c  dir')).toEqual(
      content('c:\\windows\\system32\\cmd.exe /c dir'),
    );
    expect(content('type C:\\Users\\anna\\a.txt')).toEqual(content('type C:\\Users\\boris\\a.txt'));
  });

  test('a program outside the public vocabulary is only that, whatever its name', () => {
    expect(content('gruntwork.exe --quiet')).toEqual(content('invoices.exe --quiet'));
    expect(content('certutil.exe --quiet')).not.toEqual(content('invoices.exe --quiet'));
  });

  test('a blob is a blob, whatever it holds', () => {
    const blob = (letter: string) => `powershell -enc ${`${letter}QBr`.repeat(40)}`;
    expect(content(blob('S'))).toEqual(content(blob('T')));
  });

  test('an option is told from the same word elsewhere', () => {
    expect(content('tool enc')).not.toEqual(content('tool -enc'));
    expect(content('tool /enc')).toEqual(content('tool -enc'));
  });
});
