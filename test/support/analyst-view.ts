import { call, type TestTenant } from './api.ts';
import { listAll } from './observing.ts';

/**
 * All that an analyst of the tenant reads of history: lists, every verdict with the records of its revisions, every
 * report, every artifact with its devices. Without the times of recording, by which lists are ordered: they are the
 * recorder's own.
 */
export async function analystView(
  url: string,
  tenant: TestTenant,
): Promise<Readonly<Record<string, unknown>>> {
  const view: Record<string, unknown> = {};
  const get = async (path: string): Promise<void> => {
    const { status, body } = await call(url, path, { token: tenant.adminToken });
    view[path] = { status, body: withoutRecordedAt(body) };
  };
  const [reports, verdicts] = await Promise.all([
    listAll(url, tenant, '/v1/reports'),
    listAll(url, tenant, '/v1/verdicts'),
  ]);
  view['reports'] = sorted(reports);
  view['verdicts'] = sorted(verdicts);
  for (const { id } of reports) await get(`/v1/reports/${String(id)}`);
  for (const { id, revision } of verdicts) {
    await get(`/v1/verdicts/${String(id)}`);
    await get(`/v1/verdicts/${String(id)}/revisions/${String(revision)}`);
  }
  for (const key of new Set([...reports, ...verdicts].map(({ artifact }) => String(artifact)))) {
    await get(`/v1/artifacts/${encodeURIComponent(key)}`);
    await get(`/v1/artifacts/${encodeURIComponent(key)}/devices`);
  }
  return view;
}

function sorted(items: readonly Record<string, unknown>[]): readonly string[] {
  return items.map((item) => JSON.stringify(withoutRecordedAt(item))).sort();
}

function withoutRecordedAt(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRecordedAt);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'recordedAt');
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutRecordedAt(each)]));
}
