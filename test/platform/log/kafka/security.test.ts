import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKafkaLog } from '../../../../platform/log/kafka/kafka-log.ts';
import type { KafkaConnection } from '../../../../platform/log/kafka/settings.ts';
import { startKafka, type KafkaBroker } from '../../../../scripts/servers/kafka/broker.ts';
import { keysOf, numbered, readAll } from '../suite/fixture.ts';

const password = 'a password of this test alone';
const home = mkdtempSync(join(tmpdir(), 'firebreak-kafka-tls-'));
const [keyFile, certificateFile, storeFile] = ['key.pem', 'certificate.pem', 'store.pem'].map((name) =>
  join(home, name),
) as [string, string, string];
let broker: KafkaBroker;

beforeAll(async () => {
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', certificateFile],
  ]);
  writeFileSync(storeFile, Buffer.concat([readFileSync(keyFile), readFileSync(certificateFile)]));
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  broker = await startKafka({
    dataDir: join(home, 'data'),
    settings: {
      'listener.security.protocol.map': 'BROKER:SASL_SSL,CONTROLLER:PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
      'listener.name.broker.plain.sasl.jaas.config': `${login} username="firebreak" password="${password}" user_firebreak="${password}";`,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': storeFile,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': certificateFile,
    },
  });
}, 600_000);

afterAll(async () => {
  await broker.stop();
  rmSync(home, { recursive: true, force: true });
}, 60_000);

const connection = (more: Partial<KafkaConnection> = {}): KafkaConnection => ({
  brokers: [broker.bootstrap],
  clientId: 'firebreak-test',
  ssl: { ca: [readFileSync(certificateFile)] },
  sasl: { mechanism: 'plain', username: 'firebreak', password },
  ...more,
});

describe('a broker behind TLS that wants a password', () => {
  test('is used like any other', async () => {
    const log = await openKafkaLog({ connection: connection() });
    await log.createTopics([{ name: 'safe', partitions: 1, retentionMs: null, compaction: null }]);
    await log.append('safe', numbered(0, 3));
    expect(keysOf(await readAll(log, 'safe'))).toEqual(['n0', 'n1', 'n2']);
    await log.close();
  }, 60_000);

  test.each([
    [
      'a wrong password',
      { sasl: { mechanism: 'plain', username: 'firebreak', password: 'wrong' } } as const,
      /[Aa]uthentication/,
    ],
    ['a certificate that nobody vouches for', { ssl: true } as const, /certificate/],
  ])('%s is told at the start', async (_name, more, says) => {
    const opening = openKafkaLog({ connection: connection(more) });
    await expect(opening).rejects.toThrow(says);
    await expect(opening).rejects.toMatchObject({ code: 'FB_LOG_UNAVAILABLE' });
  });
});
