import type pg from 'pg';
import type { ControlRecord } from '../../contracts/records.ts';

/**
 * Leaves a control record for the relay, in the transaction of the change that it tells of, so that either both happen
 * or none. Poke the relay after the commit; without it the record leaves with the relay's next round.
 */
export async function enqueueControl(
  client: Pick<pg.ClientBase, 'query'>,
  record: ControlRecord,
): Promise<void> {
  await client.query('insert into config.outbox (tenant_id, record) values ($1, $2)', [
    'tenantId' in record ? record.tenantId : null,
    JSON.stringify(record),
  ]);
}
