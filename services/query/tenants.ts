import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { FirebreakError } from '../../contracts/errors.ts';
import type { createdTenantSchema, tenantSchema } from '../../contracts/http.ts';
import { tenantIdSchema } from '../../contracts/ids.ts';
import {
  createTenantOperation,
  listTenantsOperation,
  patchTenantOperation,
} from '../../contracts/operations/tenancy.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { enqueueControl } from '../../platform/postgres/outbox.ts';
import { createSecret } from '../../platform/postgres/secret.ts';
import { storableText } from '../../platform/postgres/text.ts';
import { actorOf, audit } from './audit.ts';
import { Conditions } from './conditions.ts';
import type { QueryDatabase } from './database.ts';
import { Pages, wireTime } from './paging.ts';

interface TenantRow {
  readonly id: string;
  readonly name: string;
  readonly trust: z.input<typeof tenantSchema>['trust'];
  readonly version: number;
  readonly created_at: Date;
}

const columns = 'id, name, trust, version, created_at';

/** @param poke sends what a change left in the outbox */
export function tenantRoutes(database: QueryDatabase, poke: () => void): readonly Route[] {
  return [
    route(createTenantOperation, async ({ body, principal }) => {
      const created = await createTenant(database, body.name, actorOf(principal));
      poke();
      return { status: 201, json: created };
    }),
    route(listTenantsOperation, async ({ query }) => {
      const pages = new Pages(query, 'tenants');
      const where = new Conditions().behind(pages.place, 'created_at', 'id');
      const text = `select ${columns} from config.tenants where ${where.toString()} order by created_at desc, id desc limit ${pages.rows}`;
      const { rows } = await database.asOperator((client) => client.query<TenantRow>(text, where.values));
      return { status: 200, json: pages.of(rows, (row) => ({ at: row.created_at, id: row.id }), tenantItem) };
    }),
    route(patchTenantOperation, async ({ params: { id }, body: { trust }, principal }) => {
      const tenant = await database.asOperator(async (client) => {
        const { rows } = await client.query<TenantRow>(
          `update config.tenants set trust = $2, version = version + 1 where id = $1 returning ${columns}`,
          [id, trust],
        );
        const row = rows[0];
        if (row === undefined) throw new FirebreakError('FB_NOT_FOUND', 'There is no such organization.');
        await enqueueControl(client, { kind: 'tenant', version: row.version, tenantId: id, trust });
        await audit(client, {
          tenantId: id,
          actor: actorOf(principal),
          action: 'tenant.trust',
          subject: id,
          details: { trust },
        });
        return tenantItem(row);
      });
      poke();
      return { status: 200, json: tenant };
    }),
  ];
}

async function createTenant(
  database: QueryDatabase,
  name: string,
  actor: string,
): Promise<z.input<typeof createdTenantSchema>> {
  const tenantId = tenantIdSchema.parse(uuidv7());
  const [key, token] = [createSecret('fbe_'), createSecret('fbu_')];
  return database.asOperator(async (client) => {
    const { rows } = await client.query<TenantRow>(
      `insert into config.tenants (id, name) values ($1, $2) returning ${columns}`,
      [tenantId, storableText(name)],
    );
    const row = rows[0];
    if (row === undefined) throw new Error('An insert returned no row.');
    await client.query(
      'insert into config.enrollment_keys (id, tenant_id, name, secret_hash) values ($1, $2, $3, $4)',
      [uuidv7(), tenantId, 'first enrolment key', key.hash],
    );
    await client.query(
      "insert into config.tokens (id, tenant_id, name, role, secret_hash) values ($1, $2, $3, 'admin', $4)",
      [uuidv7(), tenantId, 'first administrator', token.hash],
    );
    await enqueueControl(client, { kind: 'tenant', version: row.version, tenantId, trust: row.trust });
    await audit(client, { tenantId, actor, action: 'tenant.created', subject: tenantId });
    return { tenant: tenantItem(row), enrollmentKey: key.secret, adminToken: token.secret };
  });
}

function tenantItem(row: TenantRow): z.input<typeof tenantSchema> {
  return { id: row.id, name: row.name, trust: row.trust, createdAt: wireTime(row.created_at) };
}
