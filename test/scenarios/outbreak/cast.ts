/** Who takes part: three organizations with twelve devices each, one person at each device. */
export interface ScenarioTenant {
  readonly key: 'alpha' | 'beta' | 'gamma';
  readonly name: string;
  readonly trust: 'established' | 'new';
}

export const tenants: readonly ScenarioTenant[] = [
  { key: 'alpha', name: 'Alpha Logistics', trust: 'established' },
  { key: 'beta', name: 'Beta Clinics', trust: 'established' },
  { key: 'gamma', name: 'Gamma Studio', trust: 'new' },
];

export const devicesPerTenant = 12;

const people = 'keller novak silva ahmed larsen okoro tanaka moreau weber rossi kowal lindgren'.split(' ');

export interface ScenarioDevice {
  readonly tenant: ScenarioTenant['key'];
  readonly name: string;
  readonly user: string;
}

/** @param number 1…12 */
export function deviceOf(tenant: ScenarioTenant['key'], number: number): ScenarioDevice {
  const user = people[number - 1] ?? 'nobody';
  return { tenant, name: `${tenant}-${String(number).padStart(2, '0')}`, user };
}

export const devices: readonly ScenarioDevice[] = tenants.flatMap(({ key }) =>
  Array.from({ length: devicesPerTenant }, (_, index) => deviceOf(key, index + 1)),
);
