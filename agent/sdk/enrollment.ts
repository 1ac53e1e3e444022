import { arch, hostname, platform, release } from 'node:os';
import { enrolledDeviceSchema } from '../../contracts/http.ts';
import type { z } from 'zod';
import type { enrollDeviceSchema } from '../../contracts/http.ts';
import { callService, ServiceError, type ServiceAddress } from './service-call.ts';

export type Enrollment = z.input<typeof enrollDeviceSchema>;
export type EnrolledDevice = z.infer<typeof enrolledDeviceSchema>;

export const agentVersion = '0.1.0';

/** What this agent can judge and do. */
export const capabilities = {
  kinds: ['file', 'script', 'command-line'],
  actions: ['block-and-remediate', 'block', 'warn', 'audit', 'allow'],
} satisfies Enrollment['capabilities'];

/** @returns the machine as ECS describes a host */
export function describeHost(): Enrollment['host'] {
  return {
    hostname: hostname(),
    architecture: arch(),
    os: { platform: platform(), kernel: release(), type: platform() === 'win32' ? 'windows' : platform() },
  };
}

/**
 * Enrols a device. The same installation id and organization get the same device and a fresh credential; the old one dies.
 * @param address with the enrolment key as its token
 * @throws ServiceError
 */
export async function enroll(
  address: ServiceAddress,
  device: Pick<Enrollment, 'installationId'> & Partial<Enrollment>,
): Promise<EnrolledDevice> {
  const body: Enrollment = {
    host: describeHost(),
    agent: { type: 'firebreak-agent', version: agentVersion },
    runningMode: 'active',
    capabilities,
    ...device,
  };
  const { value } = await callService(address, {
    method: 'POST',
    path: '/v1/devices',
    body,
    answer: enrolledDeviceSchema,
  });
  if (value !== undefined) return value;
  throw new ServiceError('foreign', 'The answer has no body.', { retryable: false });
}
