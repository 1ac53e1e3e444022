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
  const pointers: string[] = [];
  let count = 0;
  const compare = (from: unknown, to: unknown, pointer: string): void => {
    if (typeof from !== 'object' || from === null || typeof to !== 'object' || to === null) return;
    if (Array.isArray(from)) {
      from.forEach((item, index) => compare(item, (to as readonly unknown[])[index], `${pointer}/${index}`));
      return;
    }
    const source = from as Readonly<Record<string, unknown>>;
    const target = to as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(source)) {
      if (Object.hasOwn(target, key)) {
        compare(source[key], target[key], `${pointer}/${key}`);
      } else {
        count += 1;
        if (pointers.length < pointersKept) pointers.push(`${pointer}/${escapePointer(key)}`);
      }
    }
  };
  compare(raw, kept, prefix);
  return { count, pointers };
}

/** RFC 6901 section 3. */
function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
