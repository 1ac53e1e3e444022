import { createSecret, hashSecret } from '../../platform/postgres/secret.ts';
import { credentialsFile, readCredentials, writeCredentials } from './credentials.ts';

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
  const operatorToken = readCredentials(dataDir)?.operatorToken ?? createSecret('fbo_').secret;
  return {
    hash: hashSecret(operatorToken),
    file: credentialsFile(dataDir),
    writeCredentials: (baseUrl) => writeCredentials(dataDir, { baseUrl, operatorToken }),
  };
}
