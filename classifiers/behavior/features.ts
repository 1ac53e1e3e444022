import { canonicalCommandLine } from '../../contracts/canonical.ts';
import { finish, FNV_OFFSET, hashByte, hashText, hashWord } from '../hashing.ts';
import type { ObservedProcess } from './process-context.ts';
import { programNames } from './program-names.ts';
import { pairCode, tokenize } from './tokens.ts';

/** Raised whenever the same process would get other indices; a model answers only for its own schema. */
export const FEATURE_SCHEMA_VERSION = 2;

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
  readonly view: ContextView;
}

/**
 * How much of the context is known, each with weights of its own, because little must not say as much as all of it: in
 * part; image and parent with their folders; beside these the words of the parent.
 */
export const contextViews = ['partial', 'placed', 'full'] as const;
export type ContextView = (typeof contextViews)[number];

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

/** Undefined of a name without a folder: that a sensor does not tell the place says nothing. */
function placeOf(path: string): string | undefined {
  return (
    places.find(([, pattern]) => pattern.test(path))?.[0] ?? (path.includes('\\') ? 'elsewhere' : undefined)
  );
}

/** Name without extension when it is in the public vocabulary, else the one name for all others. */
function programOf(path: string): string {
  const name = path.slice(path.lastIndexOf('\\') + 1).replace(/\.[a-z0-9]{2,3}$/, '');
  return programNames.has(name) ? name : '?';
}

/** Nothing where a part is not known: a context that is told in part has a part of the rows, and none for what is missing. */
function contextCodes(...parts: readonly (string | undefined)[]): readonly number[] {
  return parts.includes(undefined) ? [] : [finish(hashText(FNV_OFFSET, parts.join('\u0001')))];
}

/** What the path of an image tells, each part undefined where it does not. */
function described(executable: string | undefined) {
  const path = executable?.toLowerCase();
  return path === undefined
    ? { program: undefined, place: undefined }
    : { program: programOf(path), place: placeOf(path) };
}

function contextRows({ executable, lineage }: ObservedProcess): readonly number[] {
  const image = described(executable);
  const [parent, ...ancestors] = lineage;
  const above = described(parent?.executable);
  const parentSeed = hashByte(FNV_OFFSET, 0x02);
  // No telemetry that was learned from has a parent's words without its image: alone they would say what nobody measured.
  const said = above.program === undefined ? undefined : parent?.commandLine;
  const words = said === undefined ? [] : tokenize(canonicalCommandLine(said)).codes;
  const codes = [
    ...contextCodes('image', image.program),
    ...contextCodes('place', image.place),
    ...contextCodes('image-place', image.program, image.place),
    ...contextCodes('parent', above.program),
    ...contextCodes('parent-place', above.place),
    ...contextCodes('parent-in', above.program, above.place),
    ...contextCodes('started', above.program, image.program),
    ...contextCodes('places', above.place, image.place),
    ...ancestors
      .map(({ executable: path }) => described(path))
      .flatMap(({ program, place }) => [
        ...contextCodes('ancestor', program),
        ...contextCodes('ancestor-place', place),
      ]),
    ...words.map((code) => finish(hashWord(parentSeed, code))),
  ];
  return [...new Set(codes.map(contextRow))];
}

function viewOf({ executable, lineage: [parent] }: ObservedProcess): ContextView {
  if (described(executable).place === undefined || described(parent?.executable).place === undefined)
    return 'partial';
  return parent?.commandLine === undefined ? 'placed' : 'full';
}

/** What the surroundings of a process say, whatever its own words are. */
export function extractContext(process: ObservedProcess): Pick<BehaviorFeatures, 'context' | 'view'> {
  return { context: contextRows(process), view: viewOf(process) };
}

/** @returns the rows of the weight table that apply to the process. Total: any process has some. */
export function extractFeatures(process: ObservedProcess): BehaviorFeatures {
  return { content: contentRows(process.commandLine), ...extractContext(process) };
}
