import { createClient, type Connection } from '../../platform/postgres/pool.ts';
import { call, itemsSchema, type TestTenant } from '../../test/support/api.ts';
import { listAll, snapshotOf, type Follower, type Snapshot } from '../../test/support/observing.ts';
import type { LogContents } from './log-state.ts';
import type { Organizations } from './organizations.ts';
import type { Outcome } from './outcome.ts';

/** A decision as it stands in the history. */
export interface RecordedDecision {
  readonly id: string;
  readonly entryId: string;
  readonly revision: number;
  readonly artifact: string;
  readonly verdict: string;
  readonly action: string;
  readonly blockFrom: string;
}

/** How often a tenant has seen an artifact: by its reports in the history, and by the count that is kept. */
export interface SightingCount {
  readonly artifact: string;
  readonly tenantId: string;
  readonly reports: number;
  readonly counted: number;
}

export interface History {
  /** As tenants are shown them, by the tenant's name. */
  readonly reports: ReadonlyMap<string, readonly string[]>;
  readonly sightings: readonly SightingCount[];
  readonly decisions: readonly RecordedDecision[];
  /** The latest revision of each decided entry. */
  readonly entries: ReadonlyMap<string, number>;
  readonly overrides: readonly AnalystWork[];
  readonly audit: readonly AnalystWork[];
}

export interface AnalystWork {
  readonly tenant: string;
  readonly artifact: string;
  readonly comment: string;
  readonly revision: number;
}

/** What one subscriber holds, what it should hold, and what it was told on the way. */
export interface SubscriberState {
  readonly tenant: string;
  readonly tenantId: string;
  readonly deviceId: string;
  readonly held: Pick<Snapshot, 'count' | 'digest'>;
  /** Null: it is without one. */
  readonly cursor: string | null;
  /** Of every instance that serves them. */
  readonly snapshots: readonly Pick<Snapshot, 'count' | 'digest'>[];
  /** What did not add up, or made it begin anew. */
  readonly complaints: readonly string[];
}

/** All that the checks judge. */
export interface Evidence {
  /** Ids of accepted reports, by the tenant's name. */
  readonly accepted: ReadonlyMap<string, readonly string[]>;
  readonly planned: number;
  readonly history: History;
  readonly subscribers: readonly SubscriberState[];
  readonly outcome: Outcome;
  readonly expected: Outcome;
  readonly plannedOverrides: readonly { readonly tenant: string; readonly comment: string }[];
  readonly log: LogContents;
  readonly lag: number;
  readonly unready: readonly string[];
  readonly crashes: readonly string[];
  readonly refusals: readonly string[];
  /** Faults that could not be done. */
  readonly failedFaults: readonly string[];
}

export async function readHistory(
  url: string,
  database: Connection,
  { tenants }: Pick<Organizations, 'tenants'>,
): Promise<History> {
  const reports = new Map<string, readonly string[]>();
  const overrides: AnalystWork[] = [];
  const audit: AnalystWork[] = [];
  for (const [name, tenant] of tenants) {
    reports.set(
      name,
      (await listAll(url, tenant, '/v1/reports')).map(({ id }) => String(id)),
    );
    for (const item of await listAll(url, tenant, '/v1/overrides'))
      overrides.push(workOf(name, item, item['artifact'], item['revision']));
    for (const item of await auditOf(url, tenant))
      audit.push(workOf(name, item, item['subject'], (item['details'] as { revision: number }).revision));
  }
  return { reports, overrides, audit, ...(await readDatabase(database)) };
}

async function auditOf(url: string, tenant: TestTenant): Promise<readonly Record<string, unknown>[]> {
  const path = '/v1/audit-log?limit=10000&action=override.created&action=override.replaced';
  return itemsSchema.parse((await call(url, path, { token: tenant.adminToken })).body).items;
}

function workOf(
  tenant: string,
  item: Record<string, unknown>,
  artifact: unknown,
  revision: unknown,
): AnalystWork {
  return {
    tenant,
    artifact: String(artifact),
    comment: String(item['comment']),
    revision: Number(revision),
  };
}

/** Past the interface, which would show what it shows even where rows stood twice. */
async function readDatabase(
  database: Connection,
): Promise<Pick<History, 'sightings' | 'decisions' | 'entries'>> {
  const client = createClient(database, 'firebreak-torture-history');
  await client.connect();
  try {
    const sightings = await client.query<SightingCount>(
      `select artifact, "tenantId", coalesce(r.n, 0) as reports, coalesce(s.n, 0) as counted
         from (select artifact_key as artifact, tenant_id as "tenantId", count(*)::int as n
                 from history.reports group by 1, 2) r
         full join (select artifact_key as artifact, tenant_id as "tenantId", sum(reports)::int as n
                      from history.sightings group by 1, 2) s using (artifact, "tenantId")`,
    );
    const decisions = await client.query<RecordedDecision>(
      `select decision_id as id, entry_id as "entryId", revision, artifact_key as artifact, verdict, action, block_from as "blockFrom"
         from history.decisions order by decided_at`,
    );
    const entries = await client.query<{ id: string; revision: number }>(
      'select entry_id as id, revision from history.entries',
    );
    return {
      sightings: sightings.rows,
      decisions: decisions.rows,
      entries: new Map(entries.rows.map(({ id, revision }) => [id, revision])),
    };
  } finally {
    await client.end();
  }
}

/** @param urls of every instance that serves snapshots */
export async function readSubscriber(
  tenant: string,
  tenantId: string,
  { device, store, events }: Follower,
  urls: readonly string[],
): Promise<SubscriberState> {
  const snapshots = await Promise.all(urls.map((url) => snapshotOf(url, device)));
  return {
    ...{ tenant, tenantId, deviceId: device.id },
    held: store.summary,
    cursor: store.position?.cursor ?? null,
    snapshots: snapshots.map(({ count, digest }) => ({ count, digest })),
    complaints: events.flatMap((event) =>
      event.kind === 'differs' ? ['differs'] : event.kind === 'resync' ? [`resync: ${event.reason}`] : [],
    ),
  };
}
