import { join } from 'node:path';
import { startEmbeddedSubject } from './embedded-subject.ts';
import { Load } from './load.ts';
import { foundOrganizations } from './organizations.ts';
import type { Outcome } from './outcome.ts';
import type { Scenario } from './scenario.ts';
import { settle } from './settle.ts';
import { outcomeFor } from './subscribers.ts';

const patienceMs = 300_000;

/**
 * What the input comes to where nothing goes wrong: it is sent to an undisturbed service of the embedded profile, as fast
 * as that takes it. Both profiles are the same code, and the input is one whose outcome does not depend on order.
 */
export async function undisturbedOutcome(scenario: Scenario, seed: string, folder: string): Promise<Outcome> {
  const subject = await startEmbeddedSubject({
    folder: join(folder, 'undisturbed'),
    onNotice: () => undefined,
  });
  try {
    const organizations = await foundOrganizations(subject, scenario);
    const { url } = subject;
    const load = new Load({ url, scenario, seed, devices: organizations.devices, rate: null });
    await load.run();
    await settle(subject, patienceMs, async () => true);
    return await outcomeFor(url, organizations);
  } finally {
    await subject.stop();
  }
}
