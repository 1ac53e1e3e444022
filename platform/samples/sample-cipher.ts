import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { FirebreakError } from '../../contracts/errors.ts';

const algorithm = 'aes-256-gcm';
const tagBytes = 16;

/** @returns 32 random bytes: every sample has a key of its own */
export function newSampleKey(): Buffer {
  return randomBytes(32);
}

/** Where a piece stands: pieces cannot change places, go to another sample, or be cut off at the end unnoticed. */
export interface PiecePlace {
  readonly sampleId: string;
  readonly number: number;
  readonly isLast: boolean;
}

/**
 * AES-256-GCM, piece by piece, as in the STREAM construction: the nonce is the number of the piece and whether it is the
 * last, which never comes twice under one key. Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and
 * its Nonce-Reuse Misuse-Resistance (2015).
 *
 * @returns ciphertext and tag
 */
export function sealPiece(key: Buffer, place: PiecePlace, plain: Buffer): Buffer {
  const cipher = createCipheriv(algorithm, key, nonceOf(place), { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(place.sampleId));
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws FB_SAMPLE_UNREADABLE when it is not what was sealed at this place under this key */
export function openPiece(key: Buffer, place: PiecePlace, sealed: Buffer): Buffer {
  try {
    const decipher = createDecipheriv(algorithm, key, nonceOf(place), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(place.sampleId));
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const body = sealed.subarray(0, sealed.length - tagBytes);
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch (cause) {
    const detail = `Piece ${place.number} of sample ${place.sampleId} is not what was stored.`;
    throw new FirebreakError('FB_SAMPLE_UNREADABLE', detail, { cause });
  }
}

function nonceOf({ number, isLast }: PiecePlace): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(number, 7);
  nonce.writeUInt8(isLast ? 1 : 0, 11);
  return nonce;
}
