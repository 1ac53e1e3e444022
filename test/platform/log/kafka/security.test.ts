import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKafkaLog } from '../../../../platform/log/kafka/kafka-log.ts';
import type { KafkaConnection } from '../../../../platform/log/kafka/settings.ts';
import { startKafka, type KafkaBroker } from '../../../../scripts/servers/kafka/broker.ts';
import { makeCertificate } from '../../../support/certificate.ts';
import { keysOf, numbered, readAll } from '../suite/fixture.ts';

const password = 'a password of this test alone';
const home = mkdtempSync(join(tmpdir(), 'firebreak-kafka-tls-'));
const { key, certificate, certificateFile } = makeCertificate(home);
const storeFile = join(home, 'store.pem');
let broker: KafkaBroker;

beforeAll(async () => {
  writeFileSync(storeFile, key + certificate);
  const modules = 'org.apache.kafka.common.security';
  const plain = `${modules}.plain.PlainLoginModule required`;
  const scram = `${modules}.scram.ScramLoginModule required;`;
  broker = await startKafka({
    dataDir: join(home, 'data'),
    scramUsers: { scrambled: password },
    settings: {
      'listener.security.protocol.map': 'BROKER:SASL_SSL,CONTROLLER:PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
      'listener.name.broker.plain.sasl.jaas.config': `${plain} username="firebreak" password="${password}" user_firebreak="${password}";`,
      'listener.name.broker.scram-sha-256.sasl.jaas.config': scram,
      'listener.name.broker.scram-sha-512.sasl.jaas.config': scram,
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
  ssl: { ca: [certificate] },
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

  test.each(['scram-sha-256', 'scram-sha-512'] as const)(
    'takes %s',
    async (mechanism) => {
      const sasl = { mechanism, username: 'scrambled', password };
      const log = await openKafkaLog({ connection: connection({ sasl }) });
      expect(await log.identity()).not.toBe('');
      await log.close();
      const wrong = openKafkaLog({ connection: connection({ sasl: { ...sasl, password: 'wrong' } }) });
      await expect(wrong).rejects.toThrow(/[Aa]uthentication/);
    },
    60_000,
  );

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
