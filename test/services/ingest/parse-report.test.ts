import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sha256Hex } from '../../../contracts/canonical.ts';
import { toTimestamp } from '../../../contracts/ids.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import { acceptedReportSchema } from '../../../contracts/records.ts';
import { parseReport, type Envelope } from '../../../services/ingest/parse-report.ts';
import { deviceA1, tenantA } from '../../support/entries.ts';

const nowMs = Date.parse('2026-11-22T10:15:03.200Z');
const envelope: Envelope = {
  tenantId: tenantA,
  deviceId: deviceA1,
  acceptedAt: toTimestamp(nowMs),
  acceptedAtMs: nowMs,
  clockOffsetMs: 0,
  strict: false,
  bodyBytes: 1000,
};
const sha256 = sha256Hex('an executable');
const report = {
  id: '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b11',
  '@timestamp': '2026-11-22T10:15:03.120Z',
  detectionSource: 'antivirus',
  localAction: 'held',
  artifact: { kind: 'file', hash: { sha256 } },
};
const script = (more: object) => ({ ...report, artifact: { kind: 'script', text: 'Get-Date', ...more } });

function parse(raw: unknown, more: Partial<Envelope> = {}, limits = defaultLimits) {
  return parseReport(raw, 3, { ...envelope, ...more }, limits);
}
function accepted(raw: unknown, more: Partial<Envelope> = {}) {
  const parsed = parse(raw, more);
  if (parsed.outcome !== 'ok') throw new Error(JSON.stringify(parsed.problem));
  return parsed;
}
function problem(raw: unknown, more: Partial<Envelope> = {}, limits = defaultLimits) {
  const parsed = parse(raw, more, limits);
  if (parsed.outcome === 'ok') throw new Error('it was accepted');
  return {
    code: parsed.problem.code,
    pointers: parsed.problem.errors?.map(({ pointer }) => pointer),
    id: parsed.id,
  };
}

describe('a report that is in order', () => {
  test('becomes a value of its topic', () => {
    const { accepted: value, dropped } = accepted(report);
    expect(acceptedReportSchema.parse(JSON.parse(JSON.stringify(value)))).toEqual(value);
    expect(value).toMatchObject({
      artifactKey: `file:sha256:${sha256}`,
      evidence: 'testimony',
      acceptedAt: '2026-11-22T10:15:03.200Z',
      clockSuspect: false,
      historyOnly: false,
      awaited: false,
    });
    expect(dropped).toBe(0);
  });

  test('text whose digest the service computes is content', () => {
    const { accepted: value } = accepted(script({}));
    expect(value).toMatchObject({
      evidence: 'content',
      artifactKey: `script:sha256:${sha256Hex('Get-Date')}`,
    });
  });

  test('digests and times are normalized', () => {
    const { accepted: value } = accepted({
      ...report,
      '@timestamp': '2026-11-22T11:15:03.12+01:00',
      artifact: { kind: 'file', hash: { sha256: sha256.toUpperCase() } },
      file: { hash: { sha256: sha256.toUpperCase() } },
    });
    expect(value.report['@timestamp']).toBe('2026-11-22T10:15:03.120Z');
    expect(value.artifactKey).toBe(`file:sha256:${sha256}`);
  });

  test('NUL characters in a script are part of it', () => {
    const text = 'Get-Date\u0000 # after';
    expect(accepted(script({ text })).accepted.report.artifact.text).toBe(text);
  });

  test('a script file may have another digest than the script: only files are compared', () => {
    expect(parse({ ...script({}), file: { hash: { sha256 } } }).outcome).toBe('ok');
  });
});

describe('ECS keys that are not taken', () => {
  const odd = {
    ...report,
    file: { name: 'a.exe', inode: '7', toString: 'x', pe: { sections: [{ name: '.text', flags: ['a/b'] }] } },
    events: [{ 'a/b~c': { deep: 1 } }],
  };

  test('are dropped and counted, each once', () => {
    const parsed = accepted(odd);
    expect(parsed.dropped).toBe(4);
    expect(parsed.accepted.report.file).toEqual({ name: 'a.exe', pe: { sections: [{ name: '.text' }] } });
  });

  test('spoil the report when handling is strict', () => {
    expect(problem(odd, { strict: true })).toMatchObject({
      code: 'FB_UNKNOWN_FIELDS',
      pointers: [
        '/reports/3/file/inode',
        '/reports/3/file/toString',
        '/reports/3/file/pe/sections/0/flags',
        '/reports/3/events/0/a~1b~0c',
      ],
    });
  });
});

describe('the clock of the device', () => {
  const minute = 60_000;
  const day = 24 * 60 * minute;
  const at = (ms: number) => ({ ...report, '@timestamp': new Date(ms).toISOString() });

  test.each([
    ['a moment ago', 0, false, false],
    ['4 minutes ago', -4 * minute, false, false],
    ['6 minutes ago', -6 * minute, true, false],
    ['6 minutes ahead', 6 * minute, true, false],
    ['8 days ago', -8 * day, true, true],
    ['8 days ahead', 8 * day, true, false],
  ])('%s: suspect or history only', (_name, offsetMs, clockSuspect, historyOnly) => {
    expect(accepted(at(nowMs + offsetMs)).accepted).toMatchObject({ clockSuspect, historyOnly });
  });

  test('that is off by a year is corrected by when it sent', () => {
    const sentMs = nowMs - 365 * day;
    const value = accepted(at(sentMs - minute), { clockOffsetMs: nowMs - sentMs }).accepted;
    expect(value).toMatchObject({ clockSuspect: false, historyOnly: false });
  });
});

describe('a report that is not', () => {
  test.each([
    ['no object', 'report', 'FB_BODY_INVALID', ['/reports/3']],
    ['a list', [], 'FB_BODY_INVALID', ['/reports/3']],
    ['no id', { ...report, id: 'seven' }, 'FB_BODY_INVALID', ['/reports/3/id']],
    ['an unknown key of ours', { ...report, verdict: 'benign' }, 'FB_BODY_INVALID', ['/reports/3/verdict']],
    [
      'an unknown source',
      { ...report, detectionSource: 'nose' },
      'FB_BODY_INVALID',
      ['/reports/3/detectionSource'],
    ],
    [
      'a bad digest',
      { ...report, artifact: { kind: 'file', hash: { sha256: 'beef' } } },
      'FB_BODY_INVALID',
      ['/reports/3/artifact/hash/sha256'],
    ],
    [
      'nothing that identifies',
      { ...report, artifact: { kind: 'file' } },
      'FB_ARTIFACT_UNIDENTIFIED',
      ['/reports/3/artifact'],
    ],
    [
      'no valid domain',
      { ...report, artifact: { kind: 'domain', value: 'a b' } },
      'FB_ARTIFACT_UNIDENTIFIED',
      ['/reports/3/artifact'],
    ],
    [
      'a digest that is not of the text',
      script({ hash: { sha256 } }),
      'FB_HASH_MISMATCH',
      ['/reports/3/artifact/hash/sha256'],
    ],
    ['an empty script', script({ text: '' }), 'FB_ARTIFACT_UNIDENTIFIED', ['/reports/3/artifact']],
    [
      'a lone surrogate in the text',
      script({ text: 'a\ud800' }),
      'FB_BODY_INVALID',
      ['/reports/3/artifact/text'],
    ],
    [
      'a date that does not exist',
      { ...report, '@timestamp': '2026-02-30T00:00:00Z' },
      'FB_BODY_INVALID',
      ['/reports/3/@timestamp'],
    ],
    [
      'a time without zone',
      { ...report, '@timestamp': '2026-02-20T00:00:00' },
      'FB_BODY_INVALID',
      ['/reports/3/@timestamp'],
    ],
    [
      'the year 0',
      { ...report, '@timestamp': '0000-01-01T00:00:00Z' },
      'FB_BODY_INVALID',
      ['/reports/3/@timestamp'],
    ],
    ['a number for a time', { ...report, '@timestamp': 5 }, 'FB_BODY_INVALID', ['/reports/3/@timestamp']],
    ['too many events', { ...report, events: Array(513).fill({}) }, 'FB_BODY_INVALID', ['/reports/3/events']],
  ])('has %s', (_name, raw, code, pointers) => {
    expect(problem(raw)).toMatchObject({ code, pointers });
  });

  test.each(['sha256', 'sha1', 'md5'])('names two %s of one file', (name) => {
    const digest = (digit: string) => digit.repeat({ sha256: 64, sha1: 40, md5: 32 }[name] ?? 0);
    const hash = { sha256, [name]: digest('a') };
    const raw = { ...report, artifact: { kind: 'file', hash }, file: { hash: { [name]: digest('b') } } };
    expect(problem(raw)).toMatchObject({
      code: 'FB_HASH_CONFLICT',
      pointers: [`/reports/3/artifact/hash/${name}`, `/reports/3/file/hash/${name}`],
    });
  });

  test('is larger than a report may be', () => {
    const raw = { ...report, events: Array(400).fill({ process: { command_line: 'x'.repeat(1000) } }) };
    expect(problem(raw, { bodyBytes: 400_000 }).code).toBe('FB_REPORT_TOO_LARGE');
  });

  test('has a text beyond the limit, counted in bytes', () => {
    const limits = { ...defaultLimits, textBytes: 10 };
    expect(problem(script({ text: 'ääääää' }), {}, limits)).toMatchObject({
      code: 'FB_REPORT_TOO_LARGE',
      pointers: ['/reports/3/artifact/text'],
    });
    expect(parse(script({ text: 'äääää' }), {}, limits).outcome).toBe('ok');
  });

  test('is told by its id where that can be read', () => {
    expect(problem({ ...report, artifact: { kind: 'file' } }).id).toBe(report.id);
    expect(problem({ id: '<script>' }).id).toBeNull();
  });

  test('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (raw, field) => {
        for (const value of [raw, { ...report, file: field }, { ...report, artifact: field }]) {
          const { outcome } = parse(value);
          expect(['ok', 'rejected']).toContain(outcome);
        }
      }),
    );
  });
});
