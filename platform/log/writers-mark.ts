import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Topic } from '../../contracts/topics.ts';
import { serviceVersion } from '../../contracts/version.ts';

/** The header that carries the mark. */
export const schemaHeader = 'schema';

const marks = new WeakMap<object, string>();

/**
 * What a record carries to say by which schema its value was typed: short, and another one wherever version or schema
 * differ. A reader whose own mark is the same has nothing to check, nothing to leave out and nothing to fill in. It is no
 * proof: who may write to a topic may write whatever a service may.
 */
export function writersMark({ schema }: Pick<Topic<unknown>, 'schema'>): string {
  const known = marks.get(schema);
  if (known !== undefined) return known;
  const shape = JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any' }));
  const mark = hash('sha256', `${serviceVersion} ${shape}`, 'base64url').slice(0, 10);
  marks.set(schema, mark);
  return mark;
}
