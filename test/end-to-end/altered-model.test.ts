import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTenant, enrollDevice, reportOf, send } from '../support/api.ts';
import { removeDataDir, startService, type ServiceProcess } from '../support/service-process.ts';

const parts = ['classifiers', 'contracts', 'engine', 'formats', 'migrations', 'platform', 'services'];
const files = ['package.json', 'tsconfig.json'];

let product: string;
let service: ServiceProcess;
beforeAll(async () => {
  product = mkdtempSync(join(tmpdir(), 'firebreak-product-'));
  for (const part of [...parts, ...files]) cpSync(part, join(product, part), { recursive: true });
  symlinkSync(resolve('node_modules'), join(product, 'node_modules'));
  for (const id of ['metadata', 'behavior', 'script', 'network'])
    appendFileSync(join(product, 'classifiers', id, 'model.onnx'), 'altered');
  service = await startService({ product });
}, 180_000);
afterAll(async () => {
  await service.stop();
  removeDataDir(service.dataDir);
  rmSync(product, { recursive: true });
}, 30_000);

test('a service whose models were all altered starts, says so, and decides by what is left', async () => {
  const tenant = await createTenant(service.url, service.operatorToken, 'altered', 'established');
  const device = await enrollDevice(service.url, tenant.enrollmentKey, 'altered-1');
  const artifact = {
    kind: 'command-line' as const,
    text: 'rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 642 C:\\Users\\Public\\altered.dmp full',
  };
  const [result] = await send(service.url, device, [reportOf({ artifact })], 10);
  expect(result).toMatchObject({ verdict: 'malicious' });
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  for (const id of ['metadata', 'behavior', 'script', 'network'])
    expect(metrics).toContain(`firebreak_classify_silent{classifier="${id}"} 1`);
});
