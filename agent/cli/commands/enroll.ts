import { enroll } from '../../sdk/enrollment.ts';
import { createReportsClient } from '../../sdk/reports-client.ts';
import { AgentError, type StateFolder } from '../state-folder.ts';

export interface EnrollOptions {
  readonly url: string;
  readonly key: string;
}

/** Enrols this machine and keeps its credential. Running it again keeps the device and renews the credential. */
export async function runEnroll(
  state: StateFolder,
  { url, key }: EnrollOptions,
  print: (line: string) => void,
): Promise<void> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new AgentError(`--url ${url} is no address: give one such as http://127.0.0.1:8080.`);
  }
  const installationId = await state.installationId();
  const runningMode = 'active';
  const { device, credential } = await enroll({ baseUrl: url, token: key }, { installationId, runningMode });
  await state.saveIdentity({
    installationId,
    baseUrl: url,
    tenantId: device.tenantId,
    deviceId: device.id,
    credential,
    runningMode,
  });
  await state.savePolicy(await createReportsClient({ baseUrl: url, token: credential }).policy());
  print(`enrolled as device ${device.id} of organization ${device.tenantId}; state in ${state.path}`);
}
