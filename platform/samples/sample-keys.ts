import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FirebreakError } from '../../contracts/errors.ts';

/** A sample's own key as it is stored: readable with the key of the service that `keyId` names. */
export interface WrappedKey {
  readonly keyId: string;
  readonly wrapped: Buffer;
}

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * The keys of the service that wrap the keys of samples (AES-256-GCM). The first one wraps; all of them unwrap, so that a
 * new one is put in front of the old ones, which go once nothing is wrapped by them any more.
 */
export class SampleKeys {
  readonly #keys: ReadonlyMap<string, Buffer>;
  /** Of the key that wraps. */
  readonly currentId: string;

  /** @param keys 32 bytes each, the one in use first; at least one */
  constructor(keys: readonly { readonly id: string; readonly key: Buffer }[]) {
    const [current] = keys;
    if (current === undefined) throw new RangeError('There is no key for samples.');
    this.currentId = current.id;
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]));
  }

  /** Of the keys that only unwrap. */
  get formerIds(): readonly string[] {
    return [...this.#keys.keys()].filter((id) => id !== this.currentId);
  }

  /** @param context what the wrapped key is good for; unwrapping asks for the same */
  wrap(key: Buffer, context: string): WrappedKey {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key(this.currentId), nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(key), cipher.final()]);
    return { keyId: this.currentId, wrapped: Buffer.concat([nonce, body, cipher.getAuthTag()]) };
  }

  /** @throws FB_SAMPLE_UNREADABLE when the key is not at hand, or the bytes are not what was wrapped */
  unwrap({ keyId, wrapped }: WrappedKey, context: string): Buffer {
    try {
      const nonce = wrapped.subarray(0, nonceBytes);
      const decipher = createDecipheriv(algorithm, this.#key(keyId), nonce, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(wrapped.subarray(wrapped.length - tagBytes));
      const body = wrapped.subarray(nonceBytes, wrapped.length - tagBytes);
      return Buffer.concat([decipher.update(body), decipher.final()]);
    } catch (cause) {
      const detail = `The key of a sample cannot be unwrapped with the key ${keyId}.`;
      throw new FirebreakError('FB_SAMPLE_UNREADABLE', detail, { cause });
    }
  }

  #key(id: string): Buffer {
    const key = this.#keys.get(id);
    if (key === undefined) throw new RangeError(`There is no key ${id}.`);
    return key;
  }
}

/** How the keys stand in the configuration: `id:64 hexadecimal digits`, several separated by commas. */
export const sampleKeysPattern = /^[\w.-]{1,64}:[0-9a-fA-F]{64}(?:,[\w.-]{1,64}:[0-9a-fA-F]{64})*$/;

/** @param text as `sampleKeysPattern` has it */
export function parseSampleKeys(text: string): SampleKeys {
  return new SampleKeys(
    text.split(',').map((pair) => {
      const [id = '', hex = ''] = pair.split(':');
      return { id, key: Buffer.from(hex, 'hex') };
    }),
  );
}

/**
 * The keys of an installation that was given none: made once, in a file of the data folder that its owner alone reads.
 * Whoever takes the folder has them too, so they protect a copy of the database alone.
 *
 * @throws FB_CONFIG_INVALID when the file is there and holds something else
 */
export function ensureSampleKeys(dataDir: string): SampleKeys {
  const file = ensureSampleKeysFile(dataDir);
  const text = readFileSync(file, 'utf8').trim();
  if (sampleKeysPattern.test(text)) return parseSampleKeys(text);
  // Another one in its place would make every stored sample unreadable.
  const detail = `${file} does not hold keys such as \`first:64 hexadecimal digits\`: restore it from a back-up, or delete it and lose the stored samples.`;
  throw new FirebreakError('FB_CONFIG_INVALID', detail);
}

/** @returns the file of the keys, which is made unless it is there */
export function ensureSampleKeysFile(dataDir: string): string {
  const file = join(dataDir, 'sample-keys');
  if (existsSync(file)) return file;
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(`${file}.next`, `first:${randomBytes(keyBytes).toString('hex')}\n`, { mode: 0o600 });
  renameSync(`${file}.next`, file);
  return file;
}
