import { describe, expect, test } from '@jest/globals';
import { commandText, inlineScript, programOf } from '../../../classifiers/rules/command-text.ts';

describe('the program of a command line', () => {
  test.each([
    ['powershell -nop', '\\powershell.exe', false],
    ['cmd.exe /c x', '\\cmd.exe', false],
    ['"C:\\Program Files\\a b\\x.exe" -q', 'C:\\Program Files\\a b\\x.exe', true],
    ['C:\\Program Files\\a b\\x.exe -q', 'C:\\Program Files\\a b\\x.exe', true],
    ['C:\\Windows\\System32\\net user', 'C:\\Windows\\System32\\net.exe', true],
    ['\\\\host\\share\\x.bat 1', '\\\\host\\share\\x.bat', true],
    ['.\\tools\\x.exe', '.\\tools\\x.exe', false],
  ])('%s', (line, image, settled) => {
    expect(programOf(line)).toEqual({ image, settled });
  });

  test('an empty line starts nothing', () => {
    expect(programOf('  ')).toBeUndefined();
  });
});

describe('the script inside a PowerShell command line', () => {
  const encoded = Buffer.from('Write-Host hello', 'utf16le').toString('base64');

  test.each([
    [`powershell -enc ${encoded}`, 'Write-Host hello'],
    [`"C:\\x\\pwsh.exe" /EncodedCommand "${encoded}"`, 'Write-Host hello'],
    [`cmd /c powershell.exe -nop –e ${encoded}`, 'Write-Host hello'],
    ['powershell -NoProfile -Command "Get-Date; ls"', 'Get-Date; ls'],
    ['powershell.exe -c Get-Date', 'Get-Date'],
    ['powershell -File a.ps1', undefined],
    ['notepad -enc AAAAAAAAAAAAAAAA', undefined],
    ['powershell -enc /////////////////////w==', undefined],
  ])('%s', (line, script) => {
    expect(inlineScript(line)).toBe(script);
  });
});

test('a command line is read as its key stands for it, with the profile folder spelt out', () => {
  expect(commandText('"C:\\Users\\Anna\\X.EXE"   /A')).toBe('C:\\Users\\user\\x.exe /A');
});
