import { hash, randomBytes } from 'node:crypto';

/** What a bearer token is for: enrolment key, device credential, person or service, operator. */
export type SecretPrefix = 'fbe_' | 'fbd_' | 'fbu_' | 'fbo_';

export interface Secret {
  /** Shown once, to its owner. */
  readonly secret: string;
  /** What is stored. */
  readonly hash: Buffer;
}

const secretPattern = /^(fb[edou]_)[A-Za-z0-9_-]{43,128}$/;

/** @returns 256 random bits behind the prefix, and their hash */
export function createSecret(prefix: SecretPrefix): Secret {
  const secret = prefix + randomBytes(32).toString('base64url');
  return { secret, hash: hashSecret(secret) };
}

/** SHA-256 suffices: the input has 256 random bits, so there is nothing to guess that a slow hash would protect. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** @returns what the token is for; null when it is none of ours */
export function secretPrefix(token: string): SecretPrefix | null {
  const prefix = secretPattern.exec(token)?.[1];
  return prefix === undefined ? null : (prefix as SecretPrefix);
}
