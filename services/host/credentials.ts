import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const credentialsSchema = z.object({ baseUrl: z.string(), operatorToken: z.string() });
export type Credentials = z.infer<typeof credentialsSchema>;

/** @returns where people and scripts of this machine find the address and the operator's token */
export function credentialsFile(dataDir: string): string {
  return join(dataDir, 'credentials.json');
}

/** @returns null when there are none, or they cannot be read */
export function readCredentials(dataDir: string): Credentials | null {
  try {
    return credentialsSchema.parse(JSON.parse(readFileSync(credentialsFile(dataDir), 'utf8')));
  } catch {
    return null;
  }
}

/** Readers find the old ones or the new ones, never a part. */
export function writeCredentials(dataDir: string, credentials: Credentials): void {
  mkdirSync(dataDir, { recursive: true });
  const next = `${credentialsFile(dataDir)}.next`;
  writeFileSync(next, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, credentialsFile(dataDir));
}
