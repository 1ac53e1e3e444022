import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import { overrideSchema } from '../../contracts/http.ts';
import type { DemoDevice } from './demo-device.ts';
import { request, type Organization } from './organizations.ts';
import { quantile, type Screen } from './screen.ts';

const letGoWithinMs = 15_000;

/**
 * An analyst allows what was blocked in the organization, and each of its devices lets go.
 * @returns whether all of them did in time
 */
export async function takeBack(
  baseUrl: string,
  organization: Organization,
  devices: readonly DemoDevice[],
  key: ArtifactKey,
  title: string,
  screen: Screen,
): Promise<boolean> {
  screen.heading(`An analyst of ${organization.name} takes the block of ${title} back`);
  const stopping = devices.filter((device) => device.stance(key)?.stopped === true);
  screen.paragraph(`${stopping.length} of ${devices.length} devices stop it now.`);
  const startedMs = performance.now();
  await request(
    { baseUrl, token: organization.analystToken },
    {
      method: 'POST',
      path: `/v1/artifacts/${encodeURIComponent(key)}/overrides`,
      body: {
        action: 'allow',
        restore: true,
        comment: 'Our label printer software; the report that tipped it was wrong.',
      },
      answer: overrideSchema,
    },
  );
  const answeredMs = performance.now() - startedMs;
  const delays: number[] = [];
  let waiting = [...stopping];
  while (waiting.length > 0 && performance.now() - startedMs < letGoWithinMs) {
    waiting = waiting.filter((device) => {
      if (device.stance(key)?.stopped === true) return true;
      delays.push(performance.now() - startedMs);
      return false;
    });
    await sleep(1);
  }
  const [median, last] = [quantile(delays, 0.5), Math.max(0, ...delays)];
  screen.paragraph(
    `The service answered after ${answeredMs.toFixed(0)} ms; ${delays.length} of ${stopping.length} devices let go after ${median.toFixed(0)} ms (median), ${last.toFixed(0)} ms (last).`,
  );
  return stopping.length > 0 && waiting.length === 0;
}
