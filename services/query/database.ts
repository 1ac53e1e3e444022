import type { TenantId } from '../../contracts/ids.ts';
import { orUnavailable } from '../../platform/postgres/failure.ts';
import {
  inTransaction,
  withTenant,
  type DatabasePool,
  type DatabaseSession,
} from '../../platform/postgres/pool.ts';

export type Client = Pick<DatabaseSession, 'query'>;

/** The database as query sees it. Every failure to reach it is FB_DATABASE_UNAVAILABLE. */
export interface QueryDatabase {
  /** One transaction in which only the rows of the tenant exist. */
  asTenant<T>(tenantId: TenantId, work: (client: Client) => Promise<T>): Promise<T>;
  /** One transaction over the configuration of all tenants, without their history. */
  asOperator<T>(work: (client: Client) => Promise<T>): Promise<T>;
}

/**
 * @param tenantPool logs in as `firebreak_tenant`
 * @param configPool logs in as `firebreak_config`
 */
export function createQueryDatabase(tenantPool: DatabasePool, configPool: DatabasePool): QueryDatabase {
  return {
    asTenant: (tenantId, work) => orUnavailable(() => withTenant(tenantPool, tenantId, work)),
    asOperator: (work) => orUnavailable(() => inTransaction(configPool, work)),
  };
}
