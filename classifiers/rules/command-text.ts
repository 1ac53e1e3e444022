import { canonicalCommandLine } from '../../contracts/canonical.ts';

/** Stands for the user in paths whose profile folder was made anonymous. */
const someProfile = 'C:\\Users\\user';

/** Gives paths under `%USERPROFILE%` the form that rules expect. */
export function expandProfile(text: string): string {
  return text.includes('%') ? text.replace(/%userprofile%/giu, () => someProfile) : text;
}

/** The text that a command line's artifact key stands for: canonical form 1, with the profile folder spelt out. */
export function commandText(commandLine: string): string {
  return expandProfile(canonicalCommandLine(commandLine));
}

export interface Program {
  /** In the form of Sigma's `Image`: a path, or `\name.exe` where the command line gives no folder. */
  readonly image: string;
  /** Whether the command line names the whole path, so that the image is settled. */
  readonly settled: boolean;
}

const executable = /^(.+?\.(?:exe|com|scr|bat|cmd|pif|msc|cpl))(?=[\s,"]|$)/iu;

/**
 * The program that a command line starts, from its text alone: the first word, or the words up to the first executable
 * extension where the path has blanks. A missing extension is `.exe`, as Windows would try first.
 */
export function programOf(commandLine: string): Program | undefined {
  const text = commandLine.trim();
  const quoted = /^"([^"]+)"/u.exec(text)?.[1];
  const absolute = /^(?:[a-z]:\\|\\\\)/iu.test(text);
  const spaced = absolute ? executable.exec(text)?.[1] : undefined;
  const word = quoted ?? spaced ?? /^[^\s]+/u.exec(text)?.[0];
  if (word === undefined) return undefined;
  const name = /\.[a-z0-9]{2,4}$/iu.test(word) ? word : `${word}.exe`;
  const settled = /^(?:[a-z]:\\|\\\\)/iu.test(name);
  return { image: settled || name.includes('\\') ? name : `\\${name}`, settled };
}

const powershell = /(?:^|[\\/\s"'&|(])(?:powershell|pwsh)(?:\.exe)?["']?(?=\s)/iu;
const encodedArgument =
  /[-/\u2013\u2014\u2015]e(?:c|n|nc|nco|ncod|ncode|ncoded\w*)?\s+["']?([A-Za-z0-9+/]{12,}={0,2})/iu;
const commandArgument = /[-/\u2013\u2014\u2015]c(?:o|om|omm|omma|omman|ommand)?\s+(.+)$/isu;

/**
 * The script that a PowerShell command line carries in itself, as script block logging would show it: the decoded
 * argument of `-EncodedCommand`, else what stands after `-Command`. Undefined where the line names a script file or
 * nothing.
 */
export function inlineScript(commandLine: string): string | undefined {
  const start = powershell.exec(commandLine);
  if (start === null) return undefined;
  const rest = commandLine.slice(start.index + start[0].length);
  const encoded = encodedArgument.exec(rest)?.[1];
  const decoded = encoded === undefined ? undefined : decode(encoded);
  if (decoded !== undefined) return decoded;
  const command = commandArgument.exec(rest)?.[1]?.trim();
  return command === undefined ? undefined : command.replace(/^(["'])(.*)\1$/su, '$2');
}

/** UTF-16 in base64; undefined where the bytes are no text that PowerShell would take. */
function decode(encoded: string): string | undefined {
  const bytes = Buffer.from(encoded, 'base64');
  const text = bytes.subarray(0, bytes.length - (bytes.length % 2)).toString('utf16le');
  const plain = text.replace(/[^\t\r\n\x20-\x7e]/gu, '').length;
  return text.length > 0 && plain / text.length > 0.7 ? text : undefined;
}
