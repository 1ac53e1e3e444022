import { createTenant, enrollDevice, type TestDevice, type TestTenant } from '../../test/support/api.ts';
import type { Scenario } from './scenario.ts';
import type { Subject } from './subject.ts';

/** The organizations of a scenario, as they are known to one service. */
export interface Organizations {
  /** By name. */
  readonly tenants: ReadonlyMap<string, TestTenant>;
  /** Those that report, by name. */
  readonly devices: ReadonlyMap<string, TestDevice>;
  /** One for each tenant, by the tenant's name: it only follows the stream. */
  readonly watchers: ReadonlyMap<string, TestDevice>;
}

export async function foundOrganizations(
  { url, operatorToken }: Pick<Subject, 'url' | 'operatorToken'>,
  scenario: Pick<Scenario, 'tenants' | 'devices'>,
): Promise<Organizations> {
  const tenants = new Map<string, TestTenant>();
  const devices = new Map<string, TestDevice>();
  const watchers = new Map<string, TestDevice>();
  for (const { name, trust } of scenario.tenants) {
    const tenant = await createTenant(url, operatorToken, name, trust);
    tenants.set(name, tenant);
    for (const device of scenario.devices.get(name) ?? [])
      devices.set(device, await enrollDevice(url, tenant.enrollmentKey, device));
    watchers.set(name, await enrollDevice(url, tenant.enrollmentKey, `${name}-watch`));
  }
  return { tenants, devices, watchers };
}
