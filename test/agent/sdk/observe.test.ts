import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { observeCommandLine, observeFile, observeScript } from '../../../agent/sdk/observe.ts';
import { identifyArtifact, sha256Hex } from '../../../contracts/canonical.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import { reportSchema, type ReportInput } from '../../../contracts/report.ts';
import { plain32 } from '../../support/pe-samples.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-observe-'));
});
afterAll(() => rm(folder, { recursive: true }));

const keyOf = (report: ReportInput) => identifyArtifact(reportSchema.parse(report).artifact);

test('an executable is described by its digests, its size and what its headers say', async () => {
  const path = join(folder, 'Setup.EXE');
  await writeFile(path, plain32);
  const report = reportSchema.parse(await observeFile(path));
  expect(report.artifact.hash?.sha256).toBe(sha256Hex(plain32));
  expect(report.file).toMatchObject({ name: 'Setup.EXE', extension: 'exe', size: plain32.length });
  expect(report.file?.pe?.imphash).toBe('daa7990cec40cd74e745cca7a0096ab9');
  expect(report.file?.code_signature).toEqual({ exists: false });
  expect(report.firebreak?.pe?.header?.['size_of_image']).toBe(12_288);
});

test('a file that is no executable is described by its digests', async () => {
  const path = join(folder, 'notes.txt');
  await writeFile(path, 'hello');
  const report = reportSchema.parse(await observeFile(path));
  expect(report.artifact.hash?.sha256).toBe(sha256Hex('hello'));
  expect(report.file?.pe).toBeUndefined();
});

test('text is sent whole, and the service computes its digest', () => {
  expect(keyOf(observeScript('\uFEFFGet-Date', 'date.ps1')).evidence).toBe('content');
  expect(keyOf(observeCommandLine('CMD  /c  dir')).key).toBe(keyOf(observeCommandLine('cmd /c dir')).key);
});

test('text over the limit is sent as the digest of the whole, with head and tail', () => {
  const text = 'ä'.repeat(defaultLimits.textBytes);
  const { artifact } = reportSchema.parse(observeScript(text, 'big.ps1'));
  expect(Buffer.byteLength(artifact.text ?? '')).toBeLessThanOrEqual(defaultLimits.textBytes);
  expect(artifact).toMatchObject({ truncated: true, size: text.length * 2 });
  expect(identifyArtifact(artifact)).toEqual({
    key: `script:sha256:${sha256Hex(text)}`,
    evidence: 'testimony',
  });
});
