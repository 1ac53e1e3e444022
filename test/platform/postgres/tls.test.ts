import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { clusterFolder, own } from '../../../platform/postgres/cluster.ts';
import { startPostgres, type Postgres } from '../../../platform/postgres/launcher.ts';
import { chooseOsUser } from '../../../platform/postgres/os-user.ts';
import { createPool, type Connection } from '../../../platform/postgres/pool.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { makeHome } from './server.ts';

// Addresses of its own: its port is the one that PostgreSQL's socket is named by.
const [address, otherAddress] = ['127.83.67.9', '127.83.67.10'];
const { home, remove } = makeHome();
const { certificate, certificateFile, keyFile } = makeCertificate(home, address);
let postgres: Postgres;

beforeAll(async () => {
  const dataDir = join(home, 'data');
  mkdirSync(dataDir);
  const user = chooseOsUser(clusterFolder(dataDir));
  own(keyFile, user);
  chmodSync(keyFile, 0o600);
  chmodSync(certificateFile, 0o644);
  postgres = await startPostgres({
    dataDir,
    fsync: false,
    settings: {
      listen_addresses: `${address},${otherAddress}`,
      ssl: 'on',
      ssl_cert_file: certificateFile,
      ssl_key_file: keyFile,
    },
  });
}, 60_000);

afterAll(async () => {
  await postgres.stop();
  remove();
});

async function isEncrypted(more: Partial<Connection>): Promise<boolean> {
  const pool = createPool({ ...postgres.connection, host: address, ...more }, { name: 'test-tls' });
  try {
    const { rows } = await pool.query<{ ssl: boolean }>(
      'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
    );
    return rows[0]?.ssl === true;
  } finally {
    await pool.end();
  }
}

describe('a connection to a server that has a certificate', () => {
  test('is encrypted where it is asked for', async () => {
    expect(await isEncrypted({ tls: { authorities: [certificate] } })).toBe(true);
    expect(await isEncrypted({})).toBe(false);
  });

  test('is refused where nobody vouches for the certificate', async () => {
    await expect(isEncrypted({ tls: {} })).rejects.toThrow(/self-signed certificate/);
  });

  test('is refused where the certificate is for another address', async () => {
    const tls = { authorities: [certificate] };
    await expect(isEncrypted({ tls, host: otherAddress })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });
});
