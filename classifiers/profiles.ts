import { readFile } from 'node:fs/promises';
import { classifierProfileSchema, type ClassifierProfile } from '../contracts/classifier-profile.ts';

/** Every classifier by its folder, in the order in which decision records name them. */
export const classifierIds = ['metadata', 'behavior', 'script', 'network', 'rules'] as const;

/**
 * What joins and weighs the answers of classifiers needs to know of them, from their manifests alone: neither models nor
 * rules are loaded. The versions of `rules` and `network` lack the
 * digest of the rules and lists in force.
 */
export async function readProfiles(): Promise<readonly ClassifierProfile[]> {
  return Promise.all(classifierIds.map(readProfile));
}

/** @param id the folder of a classifier, also of one that looks at something else than reports */
export async function readProfile(id: string): Promise<ClassifierProfile> {
  const manifest = await readFile(new URL(`./${id}/manifest.json`, import.meta.url), 'utf8');
  return classifierProfileSchema.parse(JSON.parse(manifest));
}
