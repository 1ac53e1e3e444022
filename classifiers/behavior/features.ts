import { canonicalCommandLine } from '../../contracts/canonical.ts';
import { finish, FNV_OFFSET, hashByte, hashText, hashWord } from '../hashing.ts';
import type { ObservedProcess } from './process-context.ts';
import { programNames } from './program-names.ts';
import { pairCode, tokenize } from './tokens.ts';

/** Raised whenever the same process would get other indices; a model answers only for its own schema. */
export const FEATURE_SCHEMA_VERSION = 1;

/** Rows of the weight table. Row 0 is padding and stays zero. */
export const TABLE_ROWS = 65_536;
/** Rows below this one hold the text of the command line, rows from here on its context: the two never share a weight. */
export const CONTEXT_ROWS_FROM = 32_768;

/**
 * What the model reads of one process: which rows of its table apply, each once.
 * - `content`: from the text of the command line alone, all below `CONTEXT_ROWS_FROM` and above 0.
 * - `context`: from image, parent and lineage, all from `CONTEXT_ROWS_FROM` on.
 */
export interface BehaviorFeatures {
  readonly content: readonly number[];
  readonly context: readonly number[];
}

const contentRow = (code: number) => 1 + (code % (CONTEXT_ROWS_FROM - 1));
const contextRow = (code: number) => CONTEXT_ROWS_FROM + (code % (TABLE_ROWS - CONTEXT_ROWS_FROM));

function contentRows(commandLine: string): readonly number[] {
  const { codes, shape } = tokenize(canonicalCommandLine(commandLine));
  const rows = new Set<number>(shape.map(contentRow));
  codes.forEach((code, index) => {
    rows.add(contentRow(code));
    const next = codes[index + 1];
    if (next !== undefined) rows.add(contentRow(pairCode(code, next)));
  });
  return [...rows];
}

/** Places from which programs start, from the most telling to the least. The first that matches counts. */
const places: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['share', /^\\\\(?![?.]\\)/],
  ['temporary', /\\temp\\|\\tmp\\|%temp%|%tmp%/],
  ['downloads', /\\downloads\\/],
  ['desktop', /\\desktop\\/],
  ['public', /\\users\\public\\|%public%/],
  ['roaming', /\\appdata\\roaming\\|%appdata%/],
  ['local', /\\appdata\\|%localappdata%/],
  ['profile', /\\users\\|%userprofile%/],
  ['program-data', /\\programdata\\|%programdata%/],
  ['programs', /\\program files(?: \(x86\))?\\|%programfiles/],
  [
    'system',
    /\\windows\\(?:system32|syswow64|winsxs|systemapps|immersivecontrolpanel)\\|%systemroot%|%windir%/,
  ],
  ['framework', /\\windows\\microsoft\.net\\/],
  ['windows', /\\windows\\/],
];

function placeOf(path: string): string {
  return (
    places.find(([, pattern]) => pattern.test(path))?.[0] ?? (path.includes('\\') ? 'elsewhere' : 'unnamed')
  );
}

/** Name without extension when it is in the public vocabulary, else the one name for all others. */
function programOf(path: string): string {
  const name = path.slice(path.lastIndexOf('\\') + 1).replace(/\.[a-z0-9]{2,3}$/, '');
  return programNames.has(name) ? name : '?';
}

const contextCode = (...parts: readonly string[]) => finish(hashText(FNV_OFFSET, parts.join('\u0001')));

function contextRows({ executable, lineage }: ObservedProcess): readonly number[] {
  const codes: number[] = [];
  const image = executable?.toLowerCase();
  const [parent, ...ancestors] = lineage;
  const above = parent?.executable?.toLowerCase();
  if (image !== undefined) {
    codes.push(contextCode('image', programOf(image)), contextCode('place', placeOf(image)));
    codes.push(contextCode('image-place', programOf(image), placeOf(image)));
  }
  if (above !== undefined) {
    codes.push(contextCode('parent', programOf(above)), contextCode('parent-place', placeOf(above)));
    codes.push(contextCode('parent-in', programOf(above), placeOf(above)));
  }
  if (image !== undefined && above !== undefined) {
    codes.push(contextCode('started', programOf(above), programOf(image)));
    codes.push(contextCode('places', placeOf(above), placeOf(image)));
  }
  for (const ancestor of ancestors) {
    const path = ancestor.executable?.toLowerCase();
    if (path === undefined) continue;
    codes.push(contextCode('ancestor', programOf(path)), contextCode('ancestor-place', placeOf(path)));
  }
  const parentSeed = hashByte(FNV_OFFSET, 0x02);
  // No telemetry that was learned from has a parent's words without its image: alone they would say what nobody measured.
  const said = above === undefined ? undefined : parent?.commandLine;
  const words = said === undefined ? [] : tokenize(canonicalCommandLine(said)).codes;
  codes.push(...words.map((code) => finish(hashWord(parentSeed, code))));
  return [...new Set(codes.map(contextRow))];
}

/** @returns the rows of the weight table that apply to the process. Total: any process has some. */
export function extractFeatures(process: ObservedProcess): BehaviorFeatures {
  return { content: contentRows(process.commandLine), context: contextRows(process) };
}
