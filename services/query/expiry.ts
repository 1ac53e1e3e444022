import { FirebreakError } from '../../contracts/errors.ts';
import type { Timestamp } from '../../contracts/ids.ts';

/** @throws FB_BODY_INVALID where something would have ended before it began */
export function checkExpiry(expiresAt: Timestamp | null, what: string): void {
  if (expiresAt === null || Date.parse(expiresAt) > Date.now()) return;
  throw new FirebreakError('FB_BODY_INVALID', `${what} would have ended already.`, {
    errors: [{ pointer: '/expiresAt', detail: 'A time to come, or null.' }],
  });
}
