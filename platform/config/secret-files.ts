import { readFileSync } from 'node:fs';
import type { FieldError } from '../../contracts/errors.ts';
import { settings } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What may stand in a file: variables are seen by whoever may inspect the process, and are copied into its children. */
export const secretKeys: readonly string[] = Object.entries(settings)
  .filter(([, setting]) => 'isSecret' in setting)
  .map(([key]) => key);

/** @returns the variable that names the file of this one */
export function fileKeyOf(key: string): string {
  return `${key}_FILE`;
}

/**
 * Reads the files that the variables name.
 * @param mistakes takes what is wrong with them
 * @returns the environment as if each value had been given itself
 */
export function readSecretFiles(environment: Environment, mistakes: FieldError[]): Environment {
  const values = secretKeys.flatMap((key) => {
    const fileKey = fileKeyOf(key);
    const path = environment[fileKey] || undefined;
    if (path === undefined) return [];
    if (environment[key]) {
      mistakes.push({ pointer: fileKey, detail: `and ${key} are both given; leave one of them out` });
      return [];
    }
    const read = readTrimmed(path);
    if ('mistake' in read)
      mistakes.push({ pointer: fileKey, detail: `names ${path}, which ${read.mistake}` });
    return 'text' in read ? [[key, read.text] as const] : [];
  });
  return { ...environment, ...Object.fromEntries(values) };
}

function readTrimmed(path: string): { readonly text: string } | { readonly mistake: string } {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text === '' ? { mistake: 'is empty' } : { text };
  } catch (error) {
    const code =
      typeof error === 'object' && error !== null && 'code' in error ? ` (${String(error.code)})` : '';
    return { mistake: `cannot be read${code}` };
  }
}
