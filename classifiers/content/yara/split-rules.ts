/** One rule of a source file: the characters from `start` up to `end`. */
export interface RuleText {
  readonly name: string;
  readonly isGlobal: boolean;
  /** From one. */
  readonly firstLine: number;
  readonly start: number;
  readonly end: number;
}

const boundary =
  /(?<![\w$#@!.])(?:((?:(?:private|global)\s+)*)rule\s+([A-Za-z_]\w*)|(?:import|include)(?=\s))/gu;

/**
 * Finds the rules of a source. A rule ends where the next statement begins: one that never closes takes nothing else along.
 * @returns them in order; none where nothing looks like a rule
 */
export function splitRules(source: string): readonly RuleText[] {
  const code = withoutTexts(source);
  const statements = [...code.matchAll(boundary)];
  const rules: RuleText[] = [];
  let [line, at] = [1, 0];
  for (const [index, statement] of statements.entries()) {
    const [, modifiers = '', name] = statement;
    if (name === undefined) continue;
    for (
      let next = code.indexOf('\n', at);
      next >= 0 && next < statement.index;
      next = code.indexOf('\n', at)
    ) {
      [line, at] = [line + 1, next + 1];
    }
    rules.push({
      name,
      isGlobal: modifiers.includes('global'),
      firstLine: line,
      start: statement.index,
      end: statements[index + 1]?.index ?? source.length,
    });
  }
  return rules;
}

/** Blanks what may hold anything: comments, texts, regular expressions. Every character keeps its place. */
function withoutTexts(source: string): string {
  const pieces: string[] = [];
  let [copied, offset] = [0, 0];
  while (offset < source.length) {
    const end = textEnd(source, offset);
    if (end > offset) {
      pieces.push(source.slice(copied, offset), blank(source.slice(offset, end)));
      copied = end;
    }
    offset = Math.max(offset + 1, end);
  }
  pieces.push(source.slice(copied));
  return pieces.join('');
}

/** @returns where the text that begins here ends, or `start` where none begins; texts and expressions end with their line */
function textEnd(source: string, start: number): number {
  const mark = source[start];
  if (mark !== '"' && mark !== '/') return start;
  if (mark === '/' && source[start + 1] === '*') return endOf(source, source.indexOf('*/', start + 2), 2);
  if (mark === '/' && source[start + 1] === '/') return endOf(source, source.indexOf('\n', start), 0);
  for (let offset = start + 1; offset < source.length; offset += 1) {
    const character = source[offset];
    if (character === '\\') offset += 1;
    else if (character === mark) return offset + 1;
    else if (character === '\n') return offset;
  }
  return source.length;
}

function endOf(source: string, found: number, markLength: number): number {
  return found < 0 ? source.length : found + markLength;
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/gu, (character) => ' '.repeat(character.length));
}

/** @returns the source with these rules blanked: what is left keeps its lines and columns */
export function withoutRules(source: string, left: Iterable<RuleText>): string {
  let rest = source;
  for (const { start, end } of left) {
    rest = rest.slice(0, start) + blank(rest.slice(start, end)) + rest.slice(end);
  }
  return rest;
}

/** @returns the rule that holds a place of the source */
export function ruleAt(
  rules: readonly RuleText[],
  source: string,
  line: number,
  column: number,
): RuleText | undefined {
  let lineStart = 0;
  for (let passed = 1; passed < line; passed += 1) {
    const next = source.indexOf('\n', lineStart);
    if (next < 0) break;
    lineStart = next + 1;
  }
  const offset = lineStart + column - 1;
  return rules.find(({ start, end }) => offset >= start && offset < end);
}
