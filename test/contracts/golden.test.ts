import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { serviceVersion } from '../../contracts/version.ts';
import { topics, type Topic } from '../../contracts/topics.ts';
import { parseBatch, parseValue } from '../../platform/log/topic-log.ts';

/** Records as the log of each version held them: the bytes of their values, taken from a running service of that version. */
const golden = 'test/contracts/golden';
const lineSchema = z.strictObject({ key: z.string(), value: z.string().nullable() });
const versions = readdirSync(golden, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const byName = new Map<string, Topic<unknown>>(
  (Object.values(topics) as readonly Topic<unknown>[]).map((topic) => [topic.name, topic]),
);

function recordsOf(version: string, name: string): readonly z.infer<typeof lineSchema>[] {
  const text = readFileSync(`${golden}/${version}/${name}.jsonl`, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => lineSchema.parse(JSON.parse(line)));
}

function topicOf(name: string): Topic<unknown> {
  const topic = byName.get(name);
  if (topic === undefined) throw new Error(`Nobody reads ${name} any more.`);
  return topic;
}

const bytesOf = (value: string | null) => (value === null ? null : Buffer.from(value));
const files = versions.flatMap((version) =>
  readdirSync(`${golden}/${version}`).map((file) => [version, file.replace(/\.jsonl$/, '')] as const),
);

describe('records that earlier versions wrote', () => {
  test('are there for this version, and for every topic', () => {
    expect(versions).toContain(serviceVersion);
    const taken = files.filter(([version]) => version === serviceVersion).map(([, name]) => name);
    expect(taken.sort()).toEqual([...byName.keys()].sort());
    for (const name of taken) expect(recordsOf(serviceVersion, name).length).toBeGreaterThan(0);
  });

  test.each(files)('version %s of %s can be read, under the same key', (version, name) => {
    const topic = topicOf(name);
    for (const { key, value } of recordsOf(version, name)) {
      const parsed = parseValue(topic, bytesOf(value));
      if (parsed === null) expect(value).toBeNull();
      else {
        expect(topic.keyOf(parsed)).toBe(key);
        // Nothing that was said is lost; what is new has a value of its own.
        expect(parsed).toMatchObject(JSON.parse(value ?? '') as object);
      }
    }
  });

  test('have every kind of record, every answer of a classifier, and what is revoked or forgotten', () => {
    const all = (name: string) =>
      recordsOf(serviceVersion, name)
        .map(({ value }) => value ?? 'null')
        .join('\n');
    for (const kind of ['tenant', 'device', 'token', 'policy', 'own-entry', 'own-revocation', 'classifier'])
      expect(all(topics.control.name)).toContain(`"kind":"${kind}"`);
    for (const outcome of ['score', 'abstained', 'failed'])
      expect(all(topics.scores.name)).toContain(`"outcome":"${outcome}"`);
    for (const kind of ['entry', 'revocation'])
      expect(all(topics.verdicts.name)).toContain(`"kind":"${kind}"`);
    expect(recordsOf(serviceVersion, topics.verdicts.name).some(({ value }) => value === null)).toBe(true);
    for (const reach of ['device', 'tenant', 'ecosystem'])
      expect(all(topics.decisions.name)).toContain(`"reach":"${reach}"`);
  });

  test('of before the first release: reports that do not say whether somebody waits', () => {
    const [report] = recordsOf(serviceVersion, topics.reports.name);
    const { awaited, ...earlier } = JSON.parse(report?.value ?? '{}') as Record<string, unknown>;
    expect(awaited).toBeDefined();
    expect(parseValue(topics.reports, Buffer.from(JSON.stringify(earlier)))).toEqual({
      ...earlier,
      awaited: false,
    });
  });
});

describe('records that a later version may write', () => {
  const batchOf = (topic: Topic<unknown>, values: readonly unknown[]) => ({
    topic: topic.name,
    partition: 0,
    end: values.length,
    records: values.map((value, offset) => ({
      ...{ offset, key: 'k', headers: {}, appendedAt: 0 },
      value: Buffer.from(JSON.stringify(value)),
    })),
  });

  /** The value with one more field in every object of it, however deep; maps from names to values have no fields. */
  function withMore(value: unknown, key = ''): unknown {
    if (Array.isArray(value)) return value.map((each) => withMore(each, key));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, each]) => [name, withMore(each, name)]);
    const isMap = ['header', 'headers', 'configuration'].includes(key);
    return Object.fromEntries(isMap ? entries : [...entries, ['aFieldOfTomorrow', { a: 1 }]]);
  }

  test.each([...byName.keys()])(
    'a field of %s that nobody knows yet is passed over, at any depth',
    (name) => {
      const topic = topicOf(name);
      for (const { value } of recordsOf(serviceVersion, name)) {
        if (value === null) continue;
        const record = JSON.parse(value) as Record<string, unknown>;
        // The state is the signals' own, and kept as it is.
        const more = {
          ...(withMore(record) as object),
          ...('state' in record && { state: record['state'] }),
        };
        expect(JSON.stringify(more)).toContain('aFieldOfTomorrow');
        expect(parseValue(topic, Buffer.from(JSON.stringify(more)))).toEqual(
          parseValue(topic, Buffer.from(value)),
        );
      }
    },
  );

  test.each([
    [topics.control.name, { kind: 'of-tomorrow', version: 1 }],
    [topics.verdicts.name, { kind: 'of-tomorrow' }],
    [topics.evidence.name, { relation: 'of-tomorrow' }],
  ])('a value of %s that nobody knows yet makes its record unreadable, and no other', (name, change) => {
    const topic = topicOf(name);
    const known = JSON.parse(
      recordsOf(serviceVersion, name).find(({ value }) => value !== null)?.value ?? '',
    ) as object;
    const { records, poison } = parseBatch(topic, batchOf(topic, [known, { ...known, ...change }, known]));
    expect(records.map(({ offset }) => offset)).toEqual([0, 2]);
    expect(poison.map(({ record }) => record.offset)).toEqual([1]);
    expect(poison[0]?.detail).toContain(name);
  });

  test('a field that is missing or of another type is not passed over, whatever else is unknown', () => {
    const [line] = recordsOf(serviceVersion, topics.reports.name);
    const report = JSON.parse(line?.value ?? '') as { report: object };
    const bad = { ...report, report: { ...report.report, id: 7, aFieldOfTomorrow: 1 } };
    expect(() => parseValue(topics.reports, Buffer.from(JSON.stringify(bad)))).toThrow(
      'Not a value of reports.v1',
    );
  });
});
