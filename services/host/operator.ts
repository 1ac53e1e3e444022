import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { createSecret, hashSecret } from '../../platform/postgres/secret.ts';

const credentialsSchema = z.object({ baseUrl: z.string(), operatorToken: z.string() });

export interface Operator {
  /** SHA-256 of the token. */
  readonly hash: Buffer;
  /** Where the token stands; null when it came from the environment. */
  readonly file: string | null;
  /** Writes address and token for people and scripts on this machine; does nothing when the token came from the environment. */
  writeCredentials(baseUrl: string): void;
}

/** The operator's token: from the environment, or of an earlier start, or made now. */
export function ensureOperator(dataDir: string, given: string | null): Operator {
  if (given !== null) return { hash: hashSecret(given), file: null, writeCredentials: () => undefined };
  const file = join(dataDir, 'credentials.json');
  const operatorToken = readToken(file) ?? createSecret('fbo_').secret;
  return {
    hash: hashSecret(operatorToken),
    file,
    writeCredentials: (baseUrl) => {
      mkdirSync(dirname(file), { recursive: true });
      const next = `${file}.next`;
      writeFileSync(next, `${JSON.stringify({ baseUrl, operatorToken }, null, 2)}\n`, { mode: 0o600 });
      renameSync(next, file);
    },
  };
}

function readToken(file: string): string | null {
  try {
    return credentialsSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).operatorToken;
  } catch {
    return null;
  }
}
