import { createInterface } from 'node:readline/promises';

/** @returns whether the person at the terminal says yes; null where there is no terminal */
export async function confirmOnTerminal(question: string): Promise<boolean | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^\s*y(?:es)?\s*$/i.test(await terminal.question(question));
  } finally {
    terminal.close();
  }
}
