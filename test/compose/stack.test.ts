import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { z } from 'zod';
import { Stack, type Container } from '../../scripts/compose/stack.ts';
import { serviceNames } from '../../services/host/services.ts';
import { mainJob } from '../end-to-end/main-job.ts';
import { follow, type Follower } from '../support/observing.ts';
import { ReportingDevice } from '../end-to-end/reporting-device.ts';
import { expectCurrent, expectRecordedOnce, untilReporting } from '../end-to-end/under-load.ts';
import { createTenant, enrollDevice, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';

/** A machine that also does other things may take as long as this. */
const patienceMs = 120_000;

/** Set by `npm run test:compose`, which has brought the stack up and takes it down. */
const place = z
  .object({
    ...{ host: z.string(), checkout: z.string(), port: z.number(), files: z.array(z.string()) },
    home: z.string(),
  })
  .parse(JSON.parse(process.env['FIREBREAK_COMPOSE_STACK'] ?? '{}'));
let stack: Stack;
beforeAll(async () => void (stack = await Stack.at(place)));

const containersOf = async (service: string): Promise<readonly Container[]> =>
  (await stack.containers()).filter((container) => container.service === service);

describe('docker-compose.yml on a real engine', () => {
  test('has one healthy container of each of its services, and none was started twice', async () => {
    const containers = await stack.containers();
    expect(containers.map(({ name }) => name).toSorted()).toEqual(
      [...serviceNames, 'kafka', 'nginx', 'postgres', 'redis'].map((name) => `${name}-1`).toSorted(),
    );
    for (const { name, health, restarts } of containers)
      expect({ name, health, restarts }).toEqual({ name, health: 'healthy', restarts: 0 });
  });

  mainJob(async () => stack);

  describe('with two instances of the stages in between', () => {
    const tenants: TestTenant[] = [];
    const reporters: ReportingDevice[] = [];
    const followers: Follower[] = [];

    beforeAll(async () => {
      const { url, operatorToken } = stack;
      for (const name of ['north', 'south']) {
        const tenant = await createTenant(url, operatorToken, name, 'established');
        tenants.push(tenant);
        reporters.push(new ReportingDevice(url, await enrollDevice(url, tenant.enrollmentKey, `${name}-1`)));
        const watching = await enrollDevice(url, tenant.enrollmentKey, `${name}-watch`);
        followers.push(await follow(url, join(place.home, 'agents'), tenant, watching));
      }
    }, 120_000);
    afterAll(() => Promise.all([...reporters, ...followers].map((each) => each.stop())), 120_000);

    const reporting = () => untilReporting(reporters, 50, patienceMs);

    test('`--scale` adds containers beside those that run', async () => {
      const before = await stack.containers();
      await stack.up({ classify: 2, correlate: 2 });
      for (const service of ['classify', 'correlate']) expect(await containersOf(service)).toHaveLength(2);
      const after = (await stack.containers()).map(({ id }) => id);
      for (const { id } of before) expect(after).toContain(id);
      await reporting();
    }, 300_000);

    test.each([...serviceNames, 'nginx', 'redis', 'postgres', 'kafka'])(
      'the engine starts %s again when it dies, and reports go on being accepted',
      async (service) => {
        const find = async () => (await stack.containers()).find(({ name }) => name === `${service}-1`);
        const restarts = (await find())?.restarts ?? 0;
        await stack.kill(`${service}-1`);
        await eventually(async () => (((await find())?.restarts ?? 0) > restarts ? true : null), patienceMs);
        await stack.untilHealthy();
        await reporting();
      },
      400_000,
    );

    test('every accepted report stands in the history exactly once', async () => {
      await Promise.all(reporters.map((reporter) => reporter.stop()));
      for (const [at, tenant] of tenants.entries())
        await expectRecordedOnce(stack.url, tenant, reporters.slice(at, at + 1), patienceMs);
    }, 300_000);

    test('what every subscriber holds is what a snapshot tells', async () => {
      for (const follower of followers) await expectCurrent(stack.url, follower, patienceMs);
    }, 300_000);
  });

  test('what was stopped and started again goes on where it was', async () => {
    const token = stack.operatorToken;
    await stack.down(false);
    expect(await stack.containers()).toEqual([]);
    await stack.up();
    const reply = await fetch(new URL('/v1/tenants', stack.url), {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain('alpha');
  }, 600_000);
});
