import { printable } from '../../agent/cli/describe-outcome.ts';

export type Tone = 'plain' | 'quiet' | 'bad' | 'good' | 'strong';

const codes: Readonly<Record<Tone, string>> = { plain: '', quiet: '2', bad: '31', good: '32', strong: '1' };

/** Where the demo writes: lines one below the other, and at a terminal a line of counts that stays at the bottom. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #isTerminal: boolean;
  #beginningMs: number | null = null;
  #footer = '';

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.#isTerminal = out.isTTY && process.env['NO_COLOR'] === undefined;
  }

  /** Lines of `event` show seconds since now. */
  beginClock(): void {
    this.#beginningMs = performance.now();
  }

  line(text = '', tone: Tone = 'plain'): void {
    this.#clearFooter();
    this.#out.write(`${this.#painted(text, tone)}\n`);
    this.#drawFooter();
  }

  heading(text: string): void {
    this.line();
    this.line(text, 'strong');
  }

  /** One event of the story: when, where, what. */
  event(where: string, what: string, tone: Tone = 'plain'): void {
    const seconds = this.#beginningMs === null ? 0 : (performance.now() - this.#beginningMs) / 1000;
    this.line(`${seconds.toFixed(2).padStart(7)} s  ${where.padEnd(16)} ${printable(what)}`, tone);
  }

  /** Text of any length, wrapped and indented. */
  paragraph(text: string, indent = 4, tone: Tone = 'plain'): void {
    const width = Math.max(60, Math.min(this.#out.columns ?? 110, 120)) - indent;
    let row = '';
    for (const word of printable(text).split(/\s+/u)) {
      if (row !== '' && row.length + 1 + word.length > width) {
        this.line(' '.repeat(indent) + row, tone);
        row = '';
      }
      row = row === '' ? word : `${row} ${word}`;
    }
    if (row !== '') this.line(' '.repeat(indent) + row, tone);
  }

  footer(text: string): void {
    if (!this.#isTerminal) return;
    this.#clearFooter();
    this.#footer = text.slice(0, (this.#out.columns ?? 110) - 1);
    this.#drawFooter();
  }

  #painted(text: string, tone: Tone): string {
    return this.#isTerminal && codes[tone] !== '' ? `\u001b[${codes[tone]}m${text}\u001b[0m` : text;
  }

  #clearFooter(): void {
    if (this.#footer !== '') this.#out.write('\r\u001b[2K');
  }

  #drawFooter(): void {
    if (this.#footer !== '') this.#out.write(this.#painted(this.#footer, 'quiet'));
  }
}

/** @returns the value at a share of the sorted values; 0 for none */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
