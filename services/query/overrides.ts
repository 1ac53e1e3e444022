import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import { sha256Hex, uuidOf } from '../../contracts/canonical.ts';
import type { Targets } from '../../contracts/entry.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import type { createOverrideSchema, overrideSchema } from '../../contracts/http.ts';
import type { TenantId } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import {
  createOverrideOperation,
  listOverridesOperation,
  withdrawOverrideOperation,
} from '../../contracts/operations/overrides.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { enqueueControl } from '../../platform/postgres/outbox.ts';
import { storableText } from '../../platform/postgres/text.ts';
import { actorOf, audit } from './audit.ts';
import { Conditions } from './conditions.ts';
import type { Client, QueryDatabase } from './database.ts';
import { checkExpiry } from './expiry.ts';
import { overrideColumns, ownEntryOf, type OverrideRow } from './in-force.ts';
import { endOverride } from './override-end.ts';
import { Pages, wireTime, wireTimeOrNull } from './paging.ts';

type OverrideInput = z.infer<typeof createOverrideSchema>;

/** @param poke sends what a change left in the outbox */
export function overrideRoutes(
  database: QueryDatabase,
  limits: Pick<Limits, 'overridesPerTenant' | 'tombstoneDelayMs'>,
  poke: () => void,
): readonly Route[] {
  return [
    route(createOverrideOperation, async ({ params: { key }, body, principal }) => {
      const { tenantId } = principal;
      const override = await database.asTenant(tenantId, async (client) => {
        await checkInput(client, body);
        const row = await putOverride(client, tenantId, key, body, actorOf(principal));
        await checkQuota(client, limits.overridesPerTenant);
        await enqueueControl(client, {
          kind: 'own-entry',
          version: row.revision,
          tenantId,
          entry: ownEntryOf(row),
        });
        await audit(client, {
          tenantId,
          actor: actorOf(principal),
          action: row.revision === 1 ? 'override.created' : 'override.replaced',
          subject: key,
          comment: body.comment,
          details: {
            id: row.id,
            revision: row.revision,
            action: body.action,
            targets: body.targets,
            expiresAt: body.expiresAt,
          },
        });
        return overrideItem(row);
      });
      poke();
      return { status: 201, json: override };
    }),
    route(listOverridesOperation, async ({ query, principal }) => {
      const pages = new Pages(query, 'overrides', principal.tenantId, query);
      const where = new Conditions()
        .any('artifact_key', query.artifact)
        .add(query.inForce, (inForce) => `(ended_at is null) = ${inForce}::boolean`)
        .behind(pages.place, 'created_at', 'id');
      const text = `select ${overrideColumns} from config.overrides where ${where.toString()} order by created_at desc, id desc limit ${pages.rows}`;
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<OverrideRow>(text, where.values),
      );
      const page = pages.of(rows, (row) => ({ at: row.created_at, id: row.id }), overrideItem);
      return { status: 200, json: page };
    }),
    route(withdrawOverrideOperation, async ({ params: { id }, principal }) => {
      const { tenantId } = principal;
      await database.asTenant(tenantId, async (client) => {
        const row = await endOverride(client, tenantId, id, 'withdrawn', limits.tombstoneDelayMs);
        if (row !== null) {
          const actor = actorOf(principal);
          const details = { id, action: row.action };
          await audit(client, {
            tenantId,
            actor,
            action: 'override.withdrawn',
            subject: row.artifact_key,
            details,
          });
          return;
        }
        const known = await client.query('select from config.overrides where id = $1', [id]);
        if (known.rowCount === 0) throw new FirebreakError('FB_NOT_FOUND', 'There is no such override.');
      });
      poke();
      return { status: 204 };
    }),
  ];
}

async function checkInput(client: Client, { expiresAt, targets }: OverrideInput): Promise<void> {
  checkExpiry(expiresAt, 'The override');
  if (!('deviceIds' in targets)) return;
  const { rows } = await client.query<{ id: string }>(
    'select id from config.devices where id = any($1::uuid[])',
    [targets.deviceIds],
  );
  const known = new Set(rows.map((row) => row.id));
  const errors = targets.deviceIds.flatMap((id, index) =>
    known.has(id) ? [] : [{ pointer: `/targets/deviceIds/${index}`, detail: 'There is no such device.' }],
  );
  if (errors.length > 0) {
    throw new FirebreakError('FB_BODY_INVALID', 'Some targets are not devices of the organization.', {
      errors: errors.slice(0, 20),
    });
  }
}

/** After the change, so that replacing one is possible at the limit. */
async function checkQuota(client: Client, most: number): Promise<void> {
  const { rows } = await client.query<{ n: number }>(
    'select count(*)::int as n from config.overrides where ended_at is null',
  );
  if ((rows[0]?.n ?? 0) > most)
    throw new FirebreakError('FB_OVERRIDE_QUOTA', `There are ${most} overrides in force, which is the most.`);
}

/** Where one is in force for the same artifact and targets, it gets a new revision; id and entry stay. */
async function putOverride(
  client: Client,
  tenantId: TenantId,
  key: ArtifactKey,
  body: OverrideInput,
  createdBy: string,
): Promise<OverrideRow> {
  // Overrides of one tenant are made one after the other, so that two at once cannot both be the last that fits.
  await client.query("select pg_advisory_xact_lock(hashtextextended('override ' || $1, 0))", [tenantId]);
  const id = uuidv7();
  const targets = canonicalTargets(body.targets);
  const targetsText = JSON.stringify(targets);
  const { rows } = await client.query<OverrideRow>(
    `insert into config.overrides as o (id, tenant_id, entry_id, artifact_key, action, targets, targets_hash, expires_at, restore, comment, created_by)
     values ($1, $2, $3, $4, $5, $6, decode($7, 'hex'), $8, $9, $10, $11)
     on conflict (tenant_id, artifact_key, targets_hash) where ended_at is null do update
        set revision = o.revision + 1, action = excluded.action, expires_at = excluded.expires_at, restore = excluded.restore,
            comment = excluded.comment, created_at = excluded.created_at, created_by = excluded.created_by
     returning ${overrideColumns}`,
    [
      id,
      tenantId,
      uuidOf(`own\n${tenantId}\n${id}`),
      storableText(key),
      body.action,
      targetsText,
      sha256Hex(targetsText),
      body.expiresAt,
      body.restore,
      storableText(body.comment),
      storableText(createdBy),
    ],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('An upsert returned no row.');
  return row;
}

function canonicalTargets(targets: Targets): Targets {
  return 'all' in targets ? { all: true } : { deviceIds: [...new Set(targets.deviceIds)].sort() };
}

function overrideItem(row: OverrideRow): z.input<typeof overrideSchema> {
  return {
    id: row.id,
    entryId: row.entry_id,
    revision: row.revision,
    artifact: row.artifact_key,
    action: row.action,
    targets: row.targets,
    expiresAt: wireTimeOrNull(row.expires_at),
    restore: row.restore,
    comment: row.comment,
    createdAt: wireTime(row.created_at),
    createdBy: row.created_by,
    withdrawnAt: row.end_reason === 'withdrawn' ? wireTimeOrNull(row.ended_at) : null,
  };
}
