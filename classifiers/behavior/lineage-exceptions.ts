import type { ObservedProcess } from './process-context.ts';

/**
 * Process trees of the operating system that look hostile and are not, and that no model tells apart by text alone. An
 * exception asks for all of: the ancestor that the system starts, at the place where only the system may write, with
 * exactly its arguments and its own parent; and, for every process below, a command that this tree is known to run. A
 * payload dropped under a known name, a renamed program or a spoofed parent gains nothing: what it runs is not listed.
 */
interface LineageException {
  readonly id: string;
  readonly reason: string;
  readonly ancestor: { readonly executable: RegExp; readonly commandLine: RegExp; readonly parent: RegExp };
  /** Programs in the system folder by name, each with the arguments that it may have here. */
  readonly programs: Readonly<Record<string, RegExp>>;
}

/** Where the script sends what a command prints: a file below its own working folder. */
const output = String.raw`(?:\s*\d?>{1,2}\s*[\w\\.{}-]+|\s*2>&1)*\s*$`;
const plain = String.raw`[^&|<>^\x60$%;]*?`;
const anyArguments = new RegExp(`^${plain}${output}`);
const reads = (verbs: string) => new RegExp(String.raw`^\s*(?:${verbs})(?![\w-])${plain}${output}`, 'i');

const exceptions: readonly LineageException[] = [
  {
    id: 'netsh-trace-diagnostics',
    reason: 'netsh trace collects the network configuration with a script of the operating system.',
    ancestor: {
      executable: /^[a-z]:\\windows\\system32\\cscript\.exe$/i,
      commandLine:
        /^"?[a-z]:\\windows\\system32\\cscript\.exe"?\s+"?[a-z]:\\windows\\system32\\gathernetworkinfo\.vbs"?\s*$/i,
      parent: /^[a-z]:\\windows\\system32\\(?:netsh|svchost)\.exe$/i,
    },
    programs: {
      arp: reads('-a'),
      certutil: reads('(?:-v\\s+)?(?:-user\\s+)?-(?:store|enterprise)'),
      conhost: anyArguments,
      dispdiag: reads('-out'),
      dsregcmd: reads('/status'),
      dxdiag: reads('/t'),
      echo: anyArguments,
      gpresult: reads('/scope|/r|/z|/v'),
      ipconfig: reads('/all|/displaydns'),
      logman: reads('query|start|stop|create|delete'),
      nbtstat: reads('-[nrcs]'),
      net: reads('config|start|view|share|use'),
      net1: reads('config|start|view|share|use'),
      netsh: reads(
        'advfirewall|interface|wlan|wl|lan|winsock|namespace|int|mbn|http|winhttp|wfp|dhcpclient|nap|ras|rpc',
      ),
      powercfg: reads('/batteryreport|/energy|/list|/qh|/a|/devicequery|/requests'),
      reg: reads('export|query'),
      route: reads('print'),
      set: reads('processor|u'),
      sc: reads('query|queryex|qc|sdshow'),
      systeminfo: anyArguments,
      tasklist: reads('/svc'),
      time: reads('/t'),
      wevtutil: reads('epl|al|qe'),
    },
  },
];

const systemProgram = /^(?:"?[a-z]:\\windows\\system32\\)?([\w-]+)(?:\.exe)?"?(?=[\s.]|$)/i;
const shellCall = /^"?(?:[a-z]:\\windows\\system32\\)?cmd(?:\.exe)?"?\s+\/c\s+/i;
const inSystemFolder = /^[a-z]:\\windows\\system32\\[^\\]+$/i;

function runsOnlyListed({ programs }: LineageException, commandLine: string): boolean {
  const command = commandLine.replace(/^\\\?\?\\/, '').replace(shellCall, '');
  const name = systemProgram.exec(command);
  const allowed = programs[name?.[1]?.toLowerCase() ?? ''];
  return allowed !== undefined && name !== null && allowed.test(command.slice(name[0].length));
}

function applies(
  exception: LineageException,
  { commandLine, executable, lineage }: ObservedProcess,
): boolean {
  const { ancestor } = exception;
  const chain = [{ executable, commandLine }, ...lineage];
  const index = chain.findIndex(
    (process, position) =>
      ancestor.executable.test(process.executable ?? '') &&
      ancestor.commandLine.test(process.commandLine ?? '') &&
      ancestor.parent.test(chain[position + 1]?.executable ?? ''),
  );
  return (
    index >= 0 &&
    chain
      .slice(0, index)
      .every(
        (below) =>
          inSystemFolder.test(below.executable ?? '') && runsOnlyListed(exception, below.commandLine ?? ''),
      )
  );
}

/** @returns the exception that covers this process, or undefined */
export function lineageException(
  process: ObservedProcess,
): Pick<LineageException, 'id' | 'reason'> | undefined {
  return exceptions.find((exception) => applies(exception, process));
}
