import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import {
  prepareKafka,
  startKafka,
  type KafkaBroker,
  type KafkaOptions,
} from '../../../scripts/servers/kafka/broker.ts';
import { kafkaVersion, verifyLibraries } from '../../../scripts/servers/kafka/libraries.ts';
import { freePort } from '../../../scripts/servers/free-port.ts';
import { processesIn } from '../../end-to-end/processes-in.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy } from '../../support/tcp-proxy.ts';

const home = mkdtempSync(join(tmpdir(), 'firebreak-kafka-test-'));
const brokers: KafkaBroker[] = [];
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const source = new URL('../../../scripts/servers/kafka/', import.meta.url);
const topic = 'kept.v1';

async function start(options: KafkaOptions): Promise<KafkaBroker> {
  const broker = await startKafka(options);
  brokers.push(broker);
  return broker;
}

const connect = (bootstrap: string, retries = 20) =>
  new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { retries, maxRetryTime: 1_000 } });

async function produce(kafka: Kafka, value: string): Promise<void> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ key: 'key', value }] });
  await producer.disconnect();
}

async function consume(kafka: Kafka, groupId: string, count: number): Promise<readonly string[]> {
  const values: string[] = [];
  // A session this short is refused by a broker with its usual settings.
  const consumer = kafka.consumer({ groupId, sessionTimeout: 2_000, heartbeatInterval: 500 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => void values.push(message.value?.toString() ?? ''),
  });
  await eventually(() => (values.length >= count ? true : null), 30_000);
  await consumer.disconnect();
  return values;
}

describe('the Kafka broker', () => {
  const dataDir = join(home, 'data');
  beforeAll(async () => void (await prepareKafka()), 600_000);

  test('keeps a record over kill -9 and a restart on the same port, and stop leaves no process', async () => {
    const first = await start({ dataDir });
    expect(first.bootstrap).toBe(`127.0.0.1:${first.port}`);
    const kafka = connect(first.bootstrap);
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    await admin.disconnect();
    await produce(kafka, 'before');
    expect(await consume(kafka, 'readers', 1)).toEqual(['before']);
    first.kill('SIGKILL');
    expect(await first.exited).toBe(137);

    const second = await start({ dataDir, port: first.port });
    expect(second.bootstrap).toBe(first.bootstrap);
    expect(second.pid).not.toBe(first.pid);
    await produce(kafka, 'after');
    expect(await consume(kafka, 'later readers', 2)).toEqual(['before', 'after']);
    await second.stop();
    await second.stop();
    expect(processesIn(dataDir)).toEqual([]);
  }, 120_000);

  test('tells clients the advertised port, so that a proxy can stand between', async () => {
    const port = await freePort();
    const proxy = await startProxy({ target: { host: '127.0.0.1', port } });
    const broker = await start({ dataDir, port, advertisedPort: proxy.port });
    expect(broker.bootstrap).toBe(`127.0.0.1:${proxy.port}`);
    const admin = connect(`127.0.0.1:${broker.port}`).admin();
    const refused = connect(broker.bootstrap, 0).admin();
    try {
      await admin.connect();
      expect((await admin.describeCluster()).brokers).toMatchObject([
        { host: '127.0.0.1', port: proxy.port },
      ]);
      proxy.cut();
      // A question that was under way when the connection was lost fails; the next one goes over a new connection.
      expect(await eventually(() => admin.listTopics().catch(() => null))).toContain(topic);
      proxy.refuse(true);
      await expect(refused.connect()).rejects.toThrow();
      proxy.refuse(false);
      await refused.connect();
    } finally {
      await admin.disconnect();
      await refused.disconnect();
      await proxy.stop();
    }
  }, 60_000);

  test('goes when the process that started it is killed, and the next start is clean', async () => {
    const module = new URL('broker.ts', source).href;
    const script = `
      const { startKafka } = await import(${JSON.stringify(module)});
      const broker = await startKafka({ dataDir: ${JSON.stringify(dataDir)} });
      console.log(broker.port);`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = (await once(owner.stdout.setEncoding('utf8'), 'data')) as [string];
    expect(processesIn(dataDir)).not.toEqual([]);
    owner.kill('SIGKILL');
    const next = await start({ dataDir, port: Number(said) });
    const nodes = processesIn(dataDir).filter((line) => /^\d+ java .* kafka\.Kafka /.test(line));
    expect(nodes.map((line) => Number.parseInt(line, 10))).toEqual([next.pid]);
    await next.stop();
    expect(processesIn(dataDir)).toEqual([]);
  }, 90_000);

  test('says why it does not start, with the last lines of its log', async () => {
    await expect(startKafka({ dataDir, settings: { 'node.id': 'seven' } })).rejects.toThrow(
      /ended with 1[\s\S]*Invalid value seven/,
    );
    expect(processesIn(dataDir)).toEqual([]);
  }, 60_000);
});

describe('the jars of Kafka', () => {
  const folder = join(home, 'jars');
  const list = join(home, 'jars.sha256');
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const jars = { 'a.jar': 'the first', 'b.jar': 'the second' };
  const lines = Object.entries(jars).map(([name, text]) => `${sha256(text)}  ${name}\n`);

  beforeEach(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const [name, text] of Object.entries(jars)) writeFileSync(join(folder, name), text);
    writeFileSync(list, lines.join(''));
  });

  test('are taken when each is as listed, and read again only when the list changes', async () => {
    await verifyLibraries(folder, list);
    writeFileSync(join(folder, 'a.jar'), 'changed since');
    await verifyLibraries(folder, list);
    writeFileSync(list, [...lines].reverse().join(''));
    await expect(verifyLibraries(folder, list)).rejects.toThrow(/^a\.jar has the SHA-256/);
  });

  test('are refused when one is another, missing or unknown, by its name and with what to do', async () => {
    writeFileSync(join(folder, 'b.jar'), 'tampered');
    await expect(verifyLibraries(folder, list)).rejects.toThrow(/^b\.jar has the SHA-256 .* Remove /);
    rmSync(join(folder, 'b.jar'));
    await expect(verifyLibraries(folder, list)).rejects.toThrow(/^b\.jar is missing/);
    writeFileSync(join(folder, 'b.jar'), jars['b.jar']);
    writeFileSync(join(folder, 'c.jar'), 'one more');
    await expect(verifyLibraries(folder, list)).rejects.toThrow(/^c\.jar is not one/);
    rmSync(join(folder, 'c.jar'));
    await verifyLibraries(folder, list);
  });

  test('are of the versions that the build file pins', () => {
    const names = readFileSync(new URL('jars.sha256', source), 'utf8');
    const pinned = readFileSync(new URL('pom.xml', source), 'utf8').matchAll(
      /<artifactId>([^<]+)<\/artifactId>\s*<version>([^<]+)<\/version>\s*<\/dependency>/g,
    );
    const jarNames = [...pinned].map((match) => `${match[1] ?? ''}-${match[2] ?? ''}.jar`);
    expect(jarNames).toHaveLength(3);
    expect(jarNames).toContain(`kafka_2.13-${kafkaVersion}.jar`);
    for (const name of jarNames) expect(names).toContain(`  ${name}\n`);
  });
});
