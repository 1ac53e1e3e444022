import { request, type IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { entrySchema, type Entry } from '../../../contracts/entry.ts';
import { reportIdSchema, toTimestamp } from '../../../contracts/ids.ts';
import { changesSchema, snapshotEndSchema, snapshotHeaders } from '../../../contracts/stream.ts';
import type { ControlRecord, VerdictRecord } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import { digestText, emptyDigest, withEntry } from '../../../engine/stream/digest.ts';
import type { Caller } from '../../../services/publish/scope.ts';
import {
  decidedEntry,
  deviceA1,
  deviceA2,
  deviceB1,
  ecosystem,
  ownEntry,
  revocationOf,
  tenantA,
  tenantB,
} from '../../support/entries.ts';
import { eventually } from '../../support/eventually.ts';
import { startPublishServer, tokenOf, type PublishServer } from '../../support/publish-server.ts';
import { StreamReader } from '../../support/stream-reader.ts';

const callerA: Caller = { tenantId: tenantA, deviceId: deviceA1 };
const callerA2: Caller = { tenantId: tenantA, deviceId: deviceA2 };
const callerB: Caller = { tenantId: tenantB, deviceId: deviceB1 };
const keepUntil = toTimestamp(1_800_000_000_000);

let server: PublishServer;
const resyncs: string[] = [];

beforeAll(async () => {
  server = await startPublishServer({
    limits: { subscriberQueueBytes: 256 * 1024, pingMs: 200 },
    events: { resynced: (reason) => resyncs.push(reason) },
  });
});

afterAll(async () => {
  await server.stop();
});

function blockRecord(number: number, revision = 1, subject = ecosystem, more: object = {}): VerdictRecord {
  const reportId = reportIdSchema.parse('018f0000-0000-7000-8000-0000000000ff');
  const origin = { tenantId: tenantA, deviceId: deviceA1, reportId, processEntityId: 'p-1' };
  return {
    kind: 'entry',
    subject,
    entry: decidedEntry(number, revision, subject, more),
    origin,
    writer: 'w',
  };
}

function revokeRecord(number: number, revision: number, subject = ecosystem): VerdictRecord {
  const revocation = revocationOf(decidedEntry(number, 1, subject), revision);
  return { kind: 'revocation', subject, revocation, keepUntil, writer: 'w' };
}

function get(path: string, caller: Caller, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(
      server.url + path,
      { headers: { authorization: `Bearer ${tokenOf(caller)}`, ...headers } },
      resolve,
    );
    sent.on('error', reject);
    sent.end();
  });
}

async function bytesOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function textOf(response: IncomingMessage): Promise<string> {
  return (await bytesOf(response)).toString('utf8');
}

async function snapshotOf(caller: Caller): Promise<{ entries: Map<string, Entry>; cursor: string }> {
  const lines = (await textOf(await get('/v1/snapshot', caller))).trimEnd().split('\n');
  const { end } = snapshotEndSchema.parse(JSON.parse(lines.at(-1) ?? ''));
  const entries = lines.slice(0, -1).map((line) => entrySchema.parse(JSON.parse(line)));
  const digest = entries.reduce(withEntry, emptyDigest);
  expect({ count: digest.count, digest: digestText(digest) }).toEqual({
    count: end.count,
    digest: end.digest,
  });
  return { entries: new Map(entries.map((entry) => [entry.id, entry])), cursor: end.cursor };
}

/** A connection of the stream that goes on from what the reader holds. */
async function connect(caller: Caller, reader: StreamReader): Promise<IncomingMessage> {
  const headers = reader.cursor === undefined ? {} : { 'last-event-id': reader.cursor };
  const response = await get('/v1/stream', caller, headers);
  response.setEncoding('utf8');
  response.on('data', (text: string) => reader.take(text));
  response.on('error', () => undefined);
  return response;
}

const eventsOf = (reader: StreamReader) => reader.seen.map(({ event }) => event);

describe('GET /v1/stream', () => {
  test('goes on from the snapshot, pushes what comes, and tells only the reporter its report', async () => {
    const readers = await Promise.all(
      [callerA, callerB].map(async (caller) => {
        const reader = new StreamReader(await snapshotOf(caller));
        return { reader, response: await connect(caller, reader) };
      }),
    );
    await eventually(() => (readers.every(({ reader }) => reader.checkpoints > 0) ? true : null));
    await server.topicLog.append(topics.verdicts, [blockRecord(1)]);
    const { id } = decidedEntry(1);
    const [reporter, other] = await eventually(() => {
      const held = readers.map(({ reader }) => reader.entries.get(id));
      return held.every((entry) => entry !== undefined) ? held : null;
    });
    expect(reporter).toMatchObject({ target: { process: { entity_id: 'p-1' } } });
    expect(other).toEqual(decidedEntry(1));
    for (const { reader, response } of readers) {
      expect(eventsOf(reader)[0]).toBe('hello');
      expect(reader.faults).toEqual([]);
      expect(response.headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      });
      response.destroy();
    }
  });

  test('without a cursor is one resync and ends', async () => {
    const text = await textOf(await get('/v1/stream', callerA));
    expect(text.startsWith(`:${' '.repeat(2048)}`)).toBe(true);
    expect(text.match(/^event: .*$/gmu)).toEqual(['event: hello', 'event: resync']);
    expect(text).toContain('"reason":"no-cursor","snapshot":"/v1/snapshot"');
  });

  test.each(['nonsense', 'AQAAAAAAAAAAAAAA', '%7B%7D'])('refuses the cursor %s', async (cursor) => {
    for (const path of [`/v1/stream?cursor=${cursor}`, `/v1/changes?cursor=${cursor}`]) {
      const response = await get(path, callerA);
      expect(response.statusCode).toBe(400);
      expect(JSON.parse(await textOf(response))).toMatchObject({ code: 'FB_CURSOR_INVALID' });
    }
  });

  test('releases a held file to its device alone, as an entry that is no state', async () => {
    const reader = new StreamReader(await snapshotOf(callerA));
    const bystander = new StreamReader(await snapshotOf(callerA2));
    const responses = [await connect(callerA, reader), await connect(callerA2, bystander)];
    await eventually(() => (reader.checkpoints > 0 && bystander.checkpoints > 0 ? true : null));
    const subject = { tenantId: tenantA, deviceId: deviceA1 };
    const entry = decidedEntry(77, 1, subject, { verdict: 'no-threats-found', action: 'allow' });
    const reportId = reportIdSchema.parse('018f0000-0000-7000-8000-0000000000fe');
    const origin = { deviceId: deviceA1, reportId };
    await server.topicLog.append(topics.answers, [
      { artifactKey: entry.key, subject, entry, origin, held: true },
    ]);
    const released = await eventually(() => reader.seen.find(({ event }) => event === 'entry') ?? null);
    expect(released.data).toMatchObject({ id: entry.id, verdict: 'no-threats-found', reportId });
    expect(reader.entries.has(entry.id)).toBe(false);
    expect(eventsOf(bystander)).not.toContain('entry');
    for (const response of responses) response.destroy();
  });

  test('tells a policy change to its tenant, live and to who comes later', async () => {
    const live = new StreamReader(await snapshotOf(callerA));
    const later = new StreamReader(await snapshotOf(callerA2));
    const response = await connect(callerA, live);
    const policy: ControlRecord = {
      kind: 'policy',
      tenantId: tenantA,
      version: 4,
      policy: {
        revision: 4,
        blockLevel: 'high',
        enforce: 'block',
        holdMs: 1000,
        onTimeout: 'allow',
        sampleConsent: 'safe',
        edrBlockMode: false,
        exclusions: [],
      },
    };
    await server.topicLog.append(topics.control, [policy]);
    await eventually(() => live.seen.find(({ event }) => event === 'policy') ?? null);
    const second = await connect(callerA2, later);
    const told = await eventually(() => later.seen.find(({ event }) => event === 'policy') ?? null);
    expect(told.data).toEqual({ revision: 4 });
    response.destroy();
    second.destroy();
  });

  test('says good-bye to a device that is off-boarded, also when it comes again', async () => {
    const deviceId = deviceB1;
    const reader = new StreamReader(await snapshotOf(callerB));
    const response = await connect(callerB, reader);
    const ended = new Promise((resolve) => response.on('end', resolve));
    await eventually(() => (reader.checkpoints > 0 ? true : null));
    const device = { kind: 'device', tenantId: tenantB, deviceId } as const;
    await server.topicLog.append(topics.control, [
      { ...device, version: 2, status: 'offboarded', entries: 'purge' },
    ]);
    await ended;
    expect(reader.seen.at(-1)).toMatchObject({ event: 'offboarded', data: { entries: 'purge' } });
    const again = await textOf(await get('/v1/stream', callerB, { 'last-event-id': reader.cursor ?? '' }));
    expect(again).toContain('event: offboarded');
    await server.topicLog.append(topics.control, [{ ...device, version: 3, status: 'active' }]);
  });

  test('drops a reader that does not read, and bounds what waits for it', async () => {
    const reader = new StreamReader(await snapshotOf(callerA2));
    const response = await get('/v1/stream', callerA2, { 'last-event-id': reader.cursor ?? '' });
    response.pause();
    const before = resyncs.filter((reason) => reason === 'too-slow').length;
    await eventually(async () => {
      const text = 'x'.repeat(450);
      const records = Array.from({ length: 500 }, (_, number) =>
        blockRecord(5000 + number, Date.now(), ecosystem, {
          revision: Date.now() * 1000 + number,
          reason: { code: 'behavior', text },
        }),
      );
      await server.topicLog.append(topics.verdicts, records);
      return resyncs.filter((reason) => reason === 'too-slow').length > before ? true : null;
    }, 60_000);
    response.destroy();
  }, 90_000);
});

describe('GET /v1/changes', () => {
  test('answers at once with what was missed, and waits for what comes', async () => {
    const { cursor } = await snapshotOf(callerA);
    await server.topicLog.append(topics.verdicts, [blockRecord(31), blockRecord(32)]);
    const ask = async (from: string, wait: number) =>
      changesSchema.parse(
        JSON.parse(await textOf(await get(`/v1/changes?cursor=${from}&wait=${wait}`, callerA))),
      );
    const first = await eventually(async () => {
      const answer = await ask(cursor, 5);
      return answer.changes.length === 2 ? answer : null;
    });
    const waiting = ask(first.cursor, 20);
    await server.topicLog.append(topics.verdicts, [revokeRecord(31, 2)]);
    const second = await waiting;
    expect(second.changes).toMatchObject([{ event: 'revocation', data: { id: decidedEntry(31).id } }]);
    expect(second.count).toBe(first.count - 1);
    const quiet = await ask(second.cursor, 0);
    expect(quiet).toMatchObject({ changes: [], more: false, digest: second.digest });
  });

  test('hands out long lists in pages that end in the same state', async () => {
    const before = await snapshotOf(callerA);
    await server.topicLog.append(
      topics.verdicts,
      Array.from({ length: 2300 }, (_, number) => blockRecord(10_000 + number)),
    );
    const after = await eventually(async () => {
      const taken = await snapshotOf(callerA);
      return taken.entries.size >= before.entries.size + 2300 ? taken : null;
    });
    const held = new Map(before.entries);
    let { cursor } = before;
    for (let more = true, pages = 1; more; pages += 1) {
      const text = await textOf(await get(`/v1/changes?cursor=${cursor}&wait=0`, callerA));
      const page = changesSchema.parse(JSON.parse(text));
      for (const change of page.changes) if (change.event === 'entry') held.set(change.data.id, change.data);
      ({ cursor, more } = page);
      expect(page.changes.length).toBeLessThanOrEqual(1000);
      expect(pages).toBeLessThan(10);
    }
    expect([...held.keys()].sort()).toEqual([...after.entries.keys()].sort());
  });
});

describe('GET /v1/snapshot', () => {
  test('is the same compressed and plain, repeats its end in the headers, and is not sent again unchanged', async () => {
    const plain = await get('/v1/snapshot', callerA);
    const text = await textOf(plain);
    const packed = await get('/v1/snapshot', callerA, { 'accept-encoding': 'gzip' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    const unpacked = gunzipSync(await bytesOf(packed)).toString('utf8');
    const withoutEnd = (all: string) => all.slice(0, all.lastIndexOf('{"end"'));
    expect(withoutEnd(unpacked)).toBe(withoutEnd(text));
    const { end } = snapshotEndSchema.parse(JSON.parse(text.trimEnd().split('\n').at(-1) ?? ''));
    expect(plain.headers).toMatchObject({
      [snapshotHeaders.cursor]: end.cursor,
      [snapshotHeaders.count]: String(end.count),
      [snapshotHeaders.digest]: end.digest,
    });
    const unchanged = await get('/v1/snapshot', callerA, { 'if-none-match': plain.headers.etag ?? '' });
    expect(unchanged.statusCode).toBe(304);
    expect(unchanged.headers).toHaveProperty(snapshotHeaders.cursor);
    unchanged.resume();
  });

  test('holds what is for the caller and nothing else', async () => {
    await server.topicLog.append(topics.verdicts, [
      blockRecord(41, 1, { tenantId: tenantA, deviceId: null }),
      blockRecord(42, 1, { tenantId: tenantA, deviceId: deviceA2 }),
    ]);
    const own = ownEntry(43, 1, { targets: { deviceIds: [deviceA1] } });
    await server.topicLog.append(topics.control, [
      { kind: 'own-entry', tenantId: tenantA, version: 1, entry: own },
    ]);
    const ids = {
      tenant: decidedEntry(41, 1, { tenantId: tenantA, deviceId: null }).id,
      device: decidedEntry(42, 1, { tenantId: tenantA, deviceId: deviceA2 }).id,
      own: own.id,
    };
    const holds = async (caller: Caller) => {
      const { entries } = await snapshotOf(caller);
      return Object.entries(ids).flatMap(([name, id]) => (entries.has(id) ? [name] : []));
    };
    await eventually(async () => ((await holds(callerA)).length === 2 ? true : null));
    expect(await holds(callerA)).toEqual(['tenant', 'own']);
    expect(await holds(callerA2)).toEqual(['tenant', 'device']);
    expect(await holds(callerB)).toEqual([]);
  });
});

describe('restart', () => {
  test('subscribers are let go, come again with their cursor, and miss nothing', async () => {
    const reader = new StreamReader(await snapshotOf(callerA));
    const response = await connect(callerA, reader);
    await eventually(() => (reader.checkpoints > 0 ? true : null));
    const ended = new Promise((resolve) => response.on('end', resolve));
    const restarted = server.restart();
    await ended;
    await restarted;
    await server.topicLog.append(topics.verdicts, [blockRecord(51)]);
    const next = new StreamReader(reader);
    const again = await connect(callerA, next);
    await eventually(() => (next.entries.has(decidedEntry(51).id) ? true : null));
    expect([...reader.faults, ...next.faults]).toEqual([]);
    again.destroy();
  });
});
