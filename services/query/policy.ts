import { isDeepStrictEqual } from 'node:util';
import type { TenantId } from '../../contracts/ids.ts';
import { putPolicyOperation, readPolicyOperation } from '../../contracts/operations/policy.ts';
import { defaultPolicy, policySchema, type Policy, type PolicySettings } from '../../contracts/policy.ts';
import { assertMatches, etagOf, isUnchanged } from '../../platform/http/conditional.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { enqueueControl } from '../../platform/postgres/outbox.ts';
import { actorOf, audit } from './audit.ts';
import type { Client, QueryDatabase } from './database.ts';

/** @param poke sends what a change left in the outbox */
export function policyRoutes(database: QueryDatabase, poke: () => void): readonly Route[] {
  return [
    route(readPolicyOperation, async ({ headers, principal }) => {
      const policy = await database.asTenant(principal.tenantId, currentPolicy);
      const caching = cachingOf(policy);
      if (isUnchanged(headers['if-none-match'], caching.etag)) return { status: 304, headers: caching };
      return { status: 200, headers: caching, json: policy };
    }),
    route(putPolicyOperation, async ({ body, headers, principal }) => {
      const { tenantId } = principal;
      const policy = await database.asTenant(tenantId, async (client) => {
        // One after the other: of two who read the same revision the second one is told.
        await client.query("select pg_advisory_xact_lock(hashtextextended('policy ' || $1, 0))", [tenantId]);
        const before = await currentPolicy(client);
        assertMatches(headers['if-match'], etagOf(before.revision));
        const changes = changesBetween(before, body);
        if (Object.keys(changes).length === 0) return before;
        const after: Policy = { revision: before.revision + 1, ...body };
        await putPolicy(client, tenantId, after);
        await audit(client, {
          tenantId,
          actor: actorOf(principal),
          action: 'policy.changed',
          subject: tenantId,
          details: { revision: after.revision, changes },
        });
        return after;
      });
      poke();
      return { status: 200, headers: cachingOf(policy), json: policy };
    }),
  ];
}

function cachingOf({ revision }: Policy) {
  return { etag: etagOf(revision), 'cache-control': 'private, no-cache' };
}

async function currentPolicy(client: Client): Promise<Policy> {
  const { rows } = await client.query<{ revision: number; settings: Partial<Policy> }>(
    'select revision, settings from config.policies',
  );
  const row = rows[0];
  // What was not known when it was set is as it is by default.
  return row === undefined
    ? defaultPolicy
    : policySchema.parse({ ...defaultPolicy, ...row.settings, revision: row.revision });
}

async function putPolicy(client: Client, tenantId: TenantId, policy: Policy): Promise<void> {
  const { revision, ...settings } = policy;
  await client.query(
    `insert into config.policies (tenant_id, revision, settings) values ($1, $2, $3)
     on conflict (tenant_id) do update
        set revision = excluded.revision, settings = excluded.settings, changed_at = clock_timestamp()`,
    [tenantId, revision, JSON.stringify(settings)],
  );
  await enqueueControl(client, { kind: 'policy', version: revision, tenantId, policy });
}

/** @returns of each setting that changed what it was and what it is */
function changesBetween(before: PolicySettings, after: PolicySettings): Record<string, unknown> {
  const names = Object.keys(after) as (keyof PolicySettings)[];
  const changed = names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
  return Object.fromEntries(changed.map((name) => [name, { from: before[name], to: after[name] }]));
}
