import type { z } from 'zod';
import type { RunningMode } from '../../contracts/domain.ts';
import type { agentStatusSchema, deviceSchema, enrollDeviceSchema } from '../../contracts/http.ts';
import type { DeviceId, TenantId } from '../../contracts/ids.ts';
import type { Principal } from '../../platform/http/route.ts';

export type Enrollment = z.infer<typeof enrollDeviceSchema>;
export type AgentStatus = z.infer<typeof agentStatusSchema>;

export interface EnrolledDevice {
  readonly device: z.input<typeof deviceSchema>;
  /** Shown once. */
  readonly credential: string;
  /** The installation was not enrolled before. */
  readonly fresh: boolean;
}

/** The devices of all tenants, as far as their agents speak for themselves. All calls reject with FB_DATABASE_UNAVAILABLE. */
export interface Devices {
  /** The same installation of a tenant is the same device; its older credentials die. @throws FB_ENROLLMENT_KEY_USED_UP */
  enroll(key: Extract<Principal, { kind: 'enrollment' }>, enrollment: Enrollment): Promise<EnrolledDevice>;
  /** The old credential lives until the new one is used, at most `credentialGraceMs`. @throws FB_RATE_LIMITED */
  renewCredential(tenantId: TenantId, deviceId: DeviceId): Promise<string>;
  putStatus(tenantId: TenantId, deviceId: DeviceId, status: AgentStatus): Promise<void>;
  /** Remembered; `active` while the database is away, which is what protects more. */
  runningModeOf(tenantId: TenantId, deviceId: DeviceId): Promise<RunningMode>;
}
