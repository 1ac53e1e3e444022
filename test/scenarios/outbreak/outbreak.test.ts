import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { readRecording } from '../../../agent/sdk/recording.ts';
import { identifyArtifact } from '../../../contracts/canonical.ts';
import { writeScenario } from './generate.ts';

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

describe('the outbreak scenario', () => {
  test.each([...writeScenario()])('%s is what the generator writes', async (name, text) => {
    expect(await readFile(pathOf(name), 'utf8')).toBe(text);
  });

  test('has at least 300 valid reports of 36 devices, most of them benign, each with an id of its own', async () => {
    const recording = await readRecording(pathOf('reports.jsonl'));
    expect(recording.length).toBeGreaterThanOrEqual(300);
    expect(new Set(recording.map(({ device }) => device)).size).toBe(36);
    expect(new Set(recording.map(({ report }) => report.id)).size).toBe(recording.length);
    const expected: unknown = JSON.parse(await readFile(pathOf('expected.json'), 'utf8'));
    const { neverMalicious } = expected as { neverMalicious: readonly string[] };
    const benign = recording.filter(({ report }) =>
      neverMalicious.includes(identifyArtifact(report.artifact).key),
    );
    expect(benign.length).toBeGreaterThan(recording.length * 0.9);
  });
});
