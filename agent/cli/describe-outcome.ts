import type { Obeyed } from '../sdk/obey.ts';

const widestName = 80;

/** @returns one line for a person: what was done with it, what it is, why, and after how long */
export function describeOutcome(name: string, outcome: Obeyed, tookMs: number): string {
  const shown = name.length > widestName ? `${name.slice(0, widestName - 1)}…` : name;
  const done = outcome.stopped ? 'BLOCKED' : 'allowed';
  const what = outcome.threatName === null ? outcome.verdict : `${outcome.verdict}, ${outcome.threatName}`;
  return `${done}  ${printable(shown)}  [${what}; ${outcome.action}] ${outcome.reason} (${Math.round(tookMs)} ms)`;
}

/** Names come from files and recordings: control characters could rewrite the terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/gu, ' ');
}
