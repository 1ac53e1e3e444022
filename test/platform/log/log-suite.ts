import { afterAll, beforeAll, describe } from '@jest/globals';
import { appending } from './suite/appending.ts';
import { consuming } from './suite/consuming.ts';
import type { LogFixture } from './suite/fixture.ts';
import { forgetting } from './suite/forgetting.ts';
import { reading } from './suite/reading.ts';
import { sharing } from './suite/sharing.ts';
import { surviving } from './suite/surviving.ts';

/** What every implementation of the port `Log` does. */
export function logSuite(name: string, makeFixture: () => Promise<LogFixture>): void {
  describe(name, () => {
    const held: { fixture?: LogFixture } = {};
    const it = (): LogFixture => {
      if (held.fixture === undefined) throw new Error('The fixture is not there.');
      return held.fixture;
    };
    beforeAll(async () => void (held.fixture = await makeFixture()), 600_000);
    afterAll(async () => held.fixture?.stop(), 60_000);

    describe('appending', () => appending(it));
    describe('consuming in a group', () => consuming(it));
    describe('sharing a group', () => sharing(it));
    describe('reading without a group', () => reading(it));
    describe('forgetting', () => forgetting(it));
    describe('surviving', () => surviving(it));
  });
}
