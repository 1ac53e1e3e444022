import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readRecording, type RecordedReport } from '../../agent/sdk/recording.ts';
import { artifactKeySchema } from '../../contracts/artifact.ts';
import { trustSchema } from '../../contracts/domain.ts';

const castSchema = z.object({
  tenants: z.array(z.object({ key: z.string(), name: z.string(), trust: trustSchema })),
  devicesPerTenant: z.int().positive(),
  lengthMs: z.int().positive(),
  override: z.object({ tenant: z.string(), artifact: z.string() }),
});

const named = { artifact: artifactKeySchema, name: z.string() };
const expectationSchema = z.object({
  malicious: z.array(z.object({ ...named, reach: z.string(), reason: z.string() })),
  letRunAtFirst: z.array(z.object({ artifact: artifactKeySchema, device: z.string() })),
  stoppedBeforeRunning: z.array(z.object({ artifact: artifactKeySchema, devices: z.array(z.string()) })),
  confined: z.array(z.object({ ...named, tenant: z.string() })),
  misdeeds: z.array(artifactKeySchema),
  neverMalicious: z.array(artifactKeySchema),
});

export type ScenarioExpectation = z.infer<typeof expectationSchema>;
export type ScenarioTenant = z.infer<typeof castSchema>['tenants'][number];

export interface Scenario extends z.infer<typeof castSchema> {
  readonly expected: ScenarioExpectation;
  readonly recording: readonly RecordedReport[];
}

/** @param folder with scenario.json, reports.jsonl and expected.json */
export async function readScenario(folder: URL): Promise<Scenario> {
  const json = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(new URL(name, folder), 'utf8'));
  return {
    ...castSchema.parse(await json('scenario.json')),
    expected: expectationSchema.parse(await json('expected.json')),
    recording: await readRecording(fileURLToPath(new URL('reports.jsonl', folder))),
  };
}
