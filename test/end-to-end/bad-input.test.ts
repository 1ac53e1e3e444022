import { afterAll, expect } from '@jest/globals';
import { removeDataDir, startService, type ServiceProcess } from '../support/service-process.ts';
import { badInput } from './bad-input.ts';

let service: ServiceProcess | undefined;

badInput(async () => (service = await startService()));

afterAll(async () => {
  const code = await service?.stop();
  if (service !== undefined) removeDataDir(service.dataDir);
  expect(code).toBe(0);
}, 60_000);
