import type { Examination } from './finding.ts';
import type { LoadedYaraRules } from './yara/load-rules.ts';

/** What is asked of a worker; it answers each once, in order. */
export type WorkerRequest =
  /** Examine with these rules from now on. */
  | { readonly kind: 'use'; readonly sources: readonly string[] }
  /** Read and check the rules of folders. */
  | { readonly kind: 'load'; readonly folders: readonly string[] }
  | { readonly kind: 'examine'; readonly bytes: Uint8Array; readonly name: string | null };

export type WorkerAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'loaded'; readonly loaded: LoadedYaraRules }
  | { readonly kind: 'examined'; readonly examination: Examination }
  | { readonly kind: 'failed'; readonly reason: string; readonly isConfiguration: boolean };
