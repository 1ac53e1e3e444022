import { fieldAliasesOf, readPipeline } from './sigma/pipeline.ts';

const ecs = readPipeline('ecs').fields;

/** Where one part of an ECS object holds each of Sigma's fields, out of the pipeline: `Image` ← `executable` of `process`. */
function partOf(part: string): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(ecs).flatMap(([path, field]) =>
      path.startsWith(`${part}.`) ? [[field, path.slice(part.length + 1).split('.')]] : [],
    ),
  );
}

/** Identities are made anew, see `features.ts`. */
const ofProcess = ([, [first]]: [string, readonly string[]]): boolean =>
  first !== 'parent' && first !== 'entity_id';

/** Fields of a process itself; those of its parent are read from the parent. */
export const processFields = Object.fromEntries(Object.entries(partOf('process')).filter(ofProcess));
export const parentFields = Object.fromEntries(Object.entries(partOf('process.parent')).filter(ofProcess));
export const fileFields = partOf('file');
export const libraryFields = partOf('dll');
export const destinationFields = partOf('destination');

/** Schemas whose field names rules may use, beside Sigma's own. */
export const taxonomies = ['ecs', 'sysmon', 'security'] as const;

/**
 * Names under which rules ask for the same thing, rule → event, so that rules written for the security log or for ECS
 * run unchanged.
 */
export const fieldAliases = fieldAliasesOf(taxonomies.map(readPipeline));

/** Long names of registry hives, as ECS agents write them, and the short ones that Sigma rules expect. */
export const hiveNames: Readonly<Record<string, string>> = {
  HKEY_LOCAL_MACHINE: 'HKLM',
  HKEY_CURRENT_USER: 'HKCU',
  HKEY_USERS: 'HKU',
  HKEY_CLASSES_ROOT: 'HKCR',
  HKEY_CURRENT_CONFIG: 'HKCC',
};
