import { describe, expect, test } from '@jest/globals';
import { mayBeSent } from '../../../engine/effective/sample-consent.ts';

const file = (name: string | null, isExecutable = false) => ({ name, isExecutable });

describe('consent to samples', () => {
  test.each([
    ['all', 'letter.docx', true],
    ['prompt', 'letter.docx', true],
    ['never', 'tool.exe', false],
    ['safe', 'tool.exe', true],
    ['safe', 'TOOL.EXE', true],
    ['safe', 'tool.exe. ', true],
    ['safe', 'run.bat', true],
    ['safe', 'letter.docx', false],
    ['safe', 'letter.exe.docx', false],
    ['safe', 'exe', false],
    ['safe', 'C:\\tool.exe\\letter', false],
    ['safe', null, false],
  ] as const)('%s lets %s be sent: %s', (sampleConsent, name, may) => {
    expect(mayBeSent({ sampleConsent }, file(name))).toBe(may);
  });

  test('a program is one by its content, whatever its name', () => {
    expect(mayBeSent({ sampleConsent: 'safe' }, file('letter.docx', true))).toBe(true);
    expect(mayBeSent({ sampleConsent: 'never' }, file('letter.docx', true))).toBe(false);
  });
});
