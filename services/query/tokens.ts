import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { FirebreakError } from '../../contracts/errors.ts';
import type { tokenSchema } from '../../contracts/http.ts';
import {
  createTokenOperation,
  listTokensOperation,
  revokeTokenOperation,
} from '../../contracts/operations/tenancy.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { enqueueControl } from '../../platform/postgres/outbox.ts';
import { createSecret } from '../../platform/postgres/secret.ts';
import { storableText } from '../../platform/postgres/text.ts';
import { actorOf, audit } from './audit.ts';
import { Conditions } from './conditions.ts';
import type { QueryDatabase } from './database.ts';
import { checkExpiry } from './expiry.ts';
import { Pages, wireTime, wireTimeOrNull } from './paging.ts';

type TokenItem = z.input<typeof tokenSchema>;
interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly role: TokenItem['role'];
  readonly expires_at: Date | null;
  readonly created_at: Date;
  readonly revoked_at: Date | null;
}

const columns = 'id, name, role, expires_at, created_at, revoked_at';

/** @param poke sends what a change left in the outbox */
export function tokenRoutes(database: QueryDatabase, poke: () => void): readonly Route[] {
  return [
    route(createTokenOperation, async ({ body, principal }) => {
      checkExpiry(body.expiresAt, 'The token');
      const { tenantId } = principal;
      const { secret, hash } = createSecret('fbu_');
      const token = await database.asTenant(tenantId, async (client) => {
        const { rows } = await client.query<TokenRow>(
          `insert into config.tokens (id, tenant_id, name, role, secret_hash, expires_at) values ($1, $2, $3, $4, $5, $6) returning ${columns}`,
          [uuidv7(), tenantId, storableText(body.name), body.role, hash, body.expiresAt],
        );
        const row = rows[0];
        if (row === undefined) throw new Error('An insert returned no row.');
        const { name, role } = row;
        const details = { name, role, expiresAt: body.expiresAt };
        await audit(client, {
          tenantId,
          actor: actorOf(principal),
          action: 'token.created',
          subject: row.id,
          details,
        });
        return tokenItem(row);
      });
      return { status: 201, json: { token, secret } };
    }),
    route(listTokensOperation, async ({ query, principal }) => {
      const pages = new Pages(query, 'tokens', principal.tenantId);
      const where = new Conditions().behind(pages.place, 'created_at', 'id');
      const text = `select ${columns} from config.tokens where ${where.toString()} order by created_at desc, id desc limit ${pages.rows}`;
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<TokenRow>(text, where.values),
      );
      return { status: 200, json: pages.of(rows, (row) => ({ at: row.created_at, id: row.id }), tokenItem) };
    }),
    route(revokeTokenOperation, async ({ params: { id }, principal }) => {
      const { tenantId } = principal;
      await database.asTenant(tenantId, async (client) => {
        const { rows } = await client.query<{ version: number }>(
          `update config.tokens set revoked_at = coalesce(revoked_at, clock_timestamp()), version = version + 1
            where id = $1 returning version`,
          [id],
        );
        const row = rows[0];
        if (row === undefined) throw new FirebreakError('FB_NOT_FOUND', 'There is no such token.');
        await enqueueControl(client, {
          kind: 'token',
          version: row.version,
          tenantId,
          tokenId: id,
          status: 'revoked',
        });
        await audit(client, { tenantId, actor: actorOf(principal), action: 'token.revoked', subject: id });
      });
      poke();
      return { status: 204 };
    }),
  ];
}

function tokenItem(row: TokenRow): TokenItem {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    expiresAt: wireTimeOrNull(row.expires_at),
    createdAt: wireTime(row.created_at),
    revokedAt: wireTimeOrNull(row.revoked_at),
  };
}
