/** What parsing left out of a document. */
export interface DroppedKeys {
  readonly count: number;
  /** JSON pointers of the first ones. */
  readonly pointers: readonly string[];
}

const pointersKept = 20;

/**
 * Compares a document as it came with what its schema kept of it. A key counts once, whatever lies below it.
 * @param prefix JSON pointer of the document
 */
export function droppedKeys(raw: unknown, kept: unknown, prefix: string): DroppedKeys {
  const count = countDropped(raw, kept);
  // Most reports drop nothing, and nobody reads pointers to nothing.
  return { count, pointers: count === 0 ? [] : pointersOf(raw, kept, prefix).slice(0, pointersKept) };
}

function countDropped(raw: unknown, kept: unknown): number {
  if (!isObject(raw) || !isObject(kept)) return 0;
  let count = 0;
  for (const key of Object.keys(raw)) {
    if (!Object.hasOwn(kept, key)) count += 1;
    else if (typeof raw[key] === 'object') count += countDropped(raw[key], kept[key]);
  }
  return count;
}

function pointersOf(raw: unknown, kept: unknown, pointer: string): readonly string[] {
  if (!isObject(raw) || !isObject(kept)) return [];
  return Object.keys(raw).flatMap((key) => {
    const below = `${pointer}/${escapePointer(key)}`;
    return Object.hasOwn(kept, key) ? pointersOf(raw[key], kept[key], below) : [below];
  });
}

/** Lists are objects whose keys are indexes. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** RFC 6901 section 3. */
function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
