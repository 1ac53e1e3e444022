import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { FirebreakError } from '../../contracts/errors.ts';
import type { enrollmentKeySchema } from '../../contracts/http.ts';
import {
  createEnrollmentKeyOperation,
  listEnrollmentKeysOperation,
  revokeEnrollmentKeyOperation,
} from '../../contracts/operations/tenancy.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { createSecret } from '../../platform/postgres/secret.ts';
import { storableText } from '../../platform/postgres/text.ts';
import { actorOf, audit } from './audit.ts';
import { Conditions } from './conditions.ts';
import type { QueryDatabase } from './database.ts';
import { checkExpiry } from './expiry.ts';
import { Pages, wireTime, wireTimeOrNull } from './paging.ts';

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly tags: string[];
  readonly max_uses: number | null;
  readonly uses: number;
  readonly expires_at: Date | null;
  readonly created_at: Date;
  readonly revoked_at: Date | null;
}

const columns = 'id, name, tags, max_uses, uses, expires_at, created_at, revoked_at';

/** Keys are asked for in the database at each use, so a change needs no word to anybody. */
export function enrollmentKeyRoutes(database: QueryDatabase): readonly Route[] {
  return [
    route(createEnrollmentKeyOperation, async ({ body, principal }) => {
      checkExpiry(body.expiresAt, 'The enrolment key');
      const { tenantId } = principal;
      const { secret, hash } = createSecret('fbe_');
      const tags = [...new Set(body.tags.map(storableText))];
      const enrollmentKey = await database.asTenant(tenantId, async (client) => {
        const { rows } = await client.query<KeyRow>(
          `insert into config.enrollment_keys (id, tenant_id, name, secret_hash, tags, max_uses, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`,
          [uuidv7(), tenantId, storableText(body.name), hash, tags, body.maxUses, body.expiresAt],
        );
        const row = rows[0];
        if (row === undefined) throw new Error('An insert returned no row.');
        const details = { name: row.name, tags, maxUses: body.maxUses, expiresAt: body.expiresAt };
        await audit(client, {
          tenantId,
          actor: actorOf(principal),
          action: 'enrollment-key.created',
          subject: row.id,
          details,
        });
        return keyItem(row);
      });
      return { status: 201, json: { enrollmentKey, secret } };
    }),
    route(listEnrollmentKeysOperation, async ({ query, principal }) => {
      const pages = new Pages(query, 'enrollment-keys', principal.tenantId);
      const where = new Conditions().behind(pages.place, 'created_at', 'id');
      const text = `select ${columns} from config.enrollment_keys where ${where.toString()} order by created_at desc, id desc limit ${pages.rows}`;
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<KeyRow>(text, where.values),
      );
      return { status: 200, json: pages.of(rows, (row) => ({ at: row.created_at, id: row.id }), keyItem) };
    }),
    route(revokeEnrollmentKeyOperation, async ({ params: { id }, principal }) => {
      const { tenantId } = principal;
      await database.asTenant(tenantId, async (client) => {
        const { rowCount } = await client.query(
          'update config.enrollment_keys set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = $1',
          [id],
        );
        if (rowCount === 0) throw new FirebreakError('FB_NOT_FOUND', 'There is no such enrolment key.');
        const actor = actorOf(principal);
        await audit(client, { tenantId, actor, action: 'enrollment-key.revoked', subject: id });
      });
      return { status: 204 };
    }),
  ];
}

function keyItem(row: KeyRow): z.input<typeof enrollmentKeySchema> {
  return {
    id: row.id,
    name: row.name,
    tags: row.tags,
    maxUses: row.max_uses,
    uses: row.uses,
    expiresAt: wireTimeOrNull(row.expires_at),
    createdAt: wireTime(row.created_at),
    revokedAt: wireTimeOrNull(row.revoked_at),
  };
}
