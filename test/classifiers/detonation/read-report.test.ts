import { expect, test } from '@jest/globals';
import { readCapeReport } from '../../../classifiers/detonation/read-report.ts';
import { capeReportSchema } from '../../../classifiers/detonation/report-schema.ts';
import { capeReport, installer, ransomware, recognized, signature } from './cape-reports.ts';

const mebibyte = 1024 * 1024;

async function* pieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (report: unknown, size = 7) =>
  readCapeReport(pieces(JSON.stringify(report), size), 8 * mebibyte);

test.each([
  ['an installer', installer],
  ['ransomware', ransomware],
  ['a recognized family', recognized],
  ['a report that names its family', capeReport({ detections: 'ExampleBot' })],
  ['techniques in pairs', capeReport({ ttps: [{ ttp: 'T1055.012', signature: 'injection_runpe' }] })],
  ['parts of another form', { info: {}, signatures: 7, ttps: { T1055: ['x'] }, CAPE: [], malscore: 'x' }],
])('of %s everything that is used is read, in pieces of whatever size', async (_name, report) => {
  for (const size of [1, 7, 65_536])
    expect(await read(report, size)).toEqual(capeReportSchema.parse(JSON.parse(JSON.stringify(report))));
});

test('calls, strings and configurations are passed over, however large they are', async () => {
  const call = { api: 'NtCreateFile', arguments: [{ name: 'FileName', value: 'C:\\x'.repeat(50) }] };
  const large = {
    ...capeReport({
      signatures: [{ ...signature('deletes_shadow_copies', 3), data: [{ cid: 1, call }] }],
      calls: Array.from({ length: 10_000 }, () => call),
      configs: [{ ExampleBot: { C2: 'x'.repeat(mebibyte) } }],
    }),
    strings: Array.from({ length: 1000 }, (_, index) => `text ${index}`.repeat(20)),
  };
  expect(JSON.stringify(large).length).toBeGreaterThan(4 * mebibyte);
  const kept = await read(large, 65_536);
  expect(kept.behavior.processes[0]?.calls).toBe(512);
  expect(kept.signatures.map(({ name }) => name)).toEqual(['deletes_shadow_copies']);
  expect(JSON.stringify(kept).length).toBeLessThan(1000);
});

test.each([
  ['FB_BODY_INVALID', 'null'],
  ['FB_BODY_INVALID', '"text"'],
  ['FB_BODY_INVALID', '[]'],
  ['FB_BODY_INVALID', '{}'],
  ['FB_BODY_INVALID', '{"info": 7}'],
  ['FB_BODY_NOT_JSON', ''],
  ['FB_BODY_NOT_JSON', JSON.stringify(ransomware).slice(0, -1)],
  ['FB_BODY_NOT_JSON', `${JSON.stringify(ransomware)}x`],
  ['FB_BODY_TOO_DEEP', `{"info":{},"network":${'['.repeat(100)}${']'.repeat(100)}}`],
  ['FB_BODY_TOO_LARGE', `{"info":{},"strings":["${'x'.repeat(9 * mebibyte)}"]}`],
])('%s', async (code, text) => {
  await expect(readCapeReport(pieces(text, 65_536), 8 * mebibyte)).rejects.toMatchObject({ code });
});

test('what is no report is told with a pointer', async () => {
  await expect(read({ infos: {} })).rejects.toMatchObject({ errors: [{ pointer: '/info' }] });
});
