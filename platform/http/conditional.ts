import { FirebreakError } from '../../contracts/errors.ts';

/** @returns the entity tag of a revision */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/** `If-None-Match` (RFC 9110 section 13.1.2): any of the tags, compared weakly, or `*`. */
export function isUnchanged(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = tagsIn(ifNoneMatch).map((tag) => tag.replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}

/**
 * `If-Match` (RFC 9110 section 13.1.1): any of the tags, compared strongly, or `*`.
 * @throws FB_PRECONDITION_MISSING without the header, FB_PRECONDITION_FAILED where it is of another revision
 */
export function assertMatches(ifMatch: string | undefined, etag: string): void {
  if (ifMatch === undefined)
    throw new FirebreakError(
      'FB_PRECONDITION_MISSING',
      'Say with `If-Match` which revision is to be replaced.',
    );
  const tags = tagsIn(ifMatch);
  if (!tags.includes('*') && !tags.includes(etag))
    throw new FirebreakError('FB_PRECONDITION_FAILED', `The revision in force is ${etag}.`);
}

function tagsIn(header: string | undefined): readonly string[] {
  return (header ?? '').split(',').map((tag) => tag.trim());
}
