import { setTimeout as sleep } from 'node:timers/promises';
import { call, itemsSchema, type TestTenant } from '../../test/support/api.ts';
import { untilProgress } from './progress.ts';
import type { PlannedOverride } from './scenario.ts';

const pauseMs = 500;
const timeoutMs = 20_000;

/**
 * Makes the overrides of a scenario as a person would: whose request failed looks whether it was done all the same, and
 * does it again only if not. Resolves when all stand.
 *
 * @param progress share of the input that is accepted
 */
export async function makeOverrides(
  url: string,
  tenants: ReadonlyMap<string, TestTenant>,
  overrides: readonly PlannedOverride[],
  progress: () => number,
): Promise<void> {
  for (const override of overrides) {
    await untilProgress(progress, override.at);
    const token = tenants.get(override.tenant)?.adminToken ?? '';
    while (!(await makeOverride(url, token, override))) await sleep(pauseMs);
  }
}

/** @returns whether it is known to stand */
async function makeOverride(url: string, token: string, { key, comment }: PlannedOverride): Promise<boolean> {
  const query = `artifact=${encodeURIComponent(key)}&inForce=true`;
  try {
    const { status, body } = await call(url, `/v1/overrides?${query}`, { token, timeoutMs });
    if (status !== 200) return false;
    if (itemsSchema.parse(body).items.length > 0) return true;
    const json = { action: 'allow', comment };
    const path = `/v1/artifacts/${encodeURIComponent(key)}/overrides`;
    return (await call(url, path, { token, json, timeoutMs })).status === 201;
  } catch {
    return false;
  }
}
