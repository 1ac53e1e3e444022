import type { z } from 'zod';
import { FirebreakError } from '../../contracts/errors.ts';
import type { deviceSchema } from '../../contracts/http.ts';
import {
  getDeviceOperation,
  listDevicesOperation,
  offboardDeviceOperation,
  patchDeviceOperation,
} from '../../contracts/operations/tenancy.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { enqueueControl } from '../../platform/postgres/outbox.ts';
import { storableText } from '../../platform/postgres/text.ts';
import { actorOf, audit } from './audit.ts';
import { Conditions } from './conditions.ts';
import type { QueryDatabase } from './database.ts';
import { Pages, wireTime, wireTimeOrNull } from './paging.ts';

type DeviceItem = z.input<typeof deviceSchema>;
interface DeviceRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly status: DeviceItem['status'];
  readonly host: DeviceItem['host'];
  readonly agent: DeviceItem['agent'];
  readonly running_mode: DeviceItem['runningMode'];
  readonly tags: string[];
  readonly created_at: Date;
  readonly last_seen_at: Date | null;
}

const columns = 'id, tenant_id, status, host, agent, running_mode, tags, created_at, last_seen_at';

/** @param poke sends what a change left in the outbox */
export function deviceRoutes(database: QueryDatabase, poke: () => void): readonly Route[] {
  return [
    route(listDevicesOperation, async ({ query, principal }) => {
      const pages = new Pages(query, 'devices', principal.tenantId, query);
      const where = new Conditions()
        .any('status', query.status)
        .add(query.tag, (tags) => `tags && ${tags}::text[]`)
        .add(query.lastSeenBefore, (time) => `(last_seen_at is null or last_seen_at < ${time}::timestamptz)`)
        .behind(pages.place, 'created_at', 'id');
      const text = `select ${columns} from config.devices where ${where.toString()} order by created_at desc, id desc limit ${pages.rows}`;
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<DeviceRow>(text, where.values),
      );
      return { status: 200, json: pages.of(rows, (row) => ({ at: row.created_at, id: row.id }), deviceItem) };
    }),
    route(getDeviceOperation, async ({ params: { id }, principal }) => {
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<DeviceRow>(`select ${columns} from config.devices where id = $1`, [id]),
      );
      return { status: 200, json: deviceItem(existing(rows)) };
    }),
    route(patchDeviceOperation, async ({ params: { id }, body, principal }) => {
      const { tenantId } = principal;
      const tags = [...new Set(body.tags.map(storableText))];
      const device = await database.asTenant(tenantId, async (client) => {
        const { rows } = await client.query<DeviceRow>(
          `update config.devices set tags = $2 where id = $1 returning ${columns}`,
          [id, tags],
        );
        const row = existing(rows);
        const actor = actorOf(principal);
        await audit(client, { tenantId, actor, action: 'device.tags', subject: id, details: { tags } });
        return deviceItem(row);
      });
      return { status: 200, json: device };
    }),
    route(offboardDeviceOperation, async ({ params: { id }, principal }) => {
      const { tenantId } = principal;
      await database.asTenant(tenantId, async (client) => {
        const { rows } = await client.query<{ version: number }>(
          "update config.devices set status = 'offboarded', version = version + 1 where id = $1 returning version",
          [id],
        );
        const { version } = existing(rows);
        await enqueueControl(client, {
          kind: 'device',
          version,
          tenantId,
          deviceId: id,
          status: 'offboarded',
          entries: 'purge',
        });
        await audit(client, {
          tenantId,
          actor: actorOf(principal),
          action: 'device.offboarded',
          subject: id,
        });
      });
      poke();
      return { status: 204 };
    }),
  ];
}

function existing<Row>(rows: readonly Row[]): Row {
  const row = rows[0];
  if (row === undefined) throw new FirebreakError('FB_NOT_FOUND', 'There is no such device.');
  return row;
}

function deviceItem(row: DeviceRow): DeviceItem {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    status: row.status,
    host: row.host,
    agent: row.agent,
    runningMode: row.running_mode,
    tags: row.tags,
    createdAt: wireTime(row.created_at),
    lastSeenAt: wireTimeOrNull(row.last_seen_at),
  };
}
