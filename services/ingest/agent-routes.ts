import {
  enrollDeviceOperation,
  getPolicyOperation,
  putStatusOperation,
  renewCredentialOperation,
} from '../../contracts/operations/ingest.ts';
import { etagOf, isUnchanged } from '../../platform/http/conditional.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Devices } from './devices.ts';
import type { IngestEvents } from './events.ts';
import type { View } from './view.ts';

export interface AgentRoutesDependencies {
  readonly view: Pick<View, 'policyOf'>;
  readonly devices: Devices;
  readonly events: Pick<IngestEvents, 'enrolled'>;
  /** @throws FB_NOT_READY while the view is not what is in force */
  readonly assertReady: () => void;
}

/** A secret that is shown once must not lie in a cache. */
const secretHeaders = { 'cache-control': 'no-store' };

export function agentRoutes({
  view,
  devices,
  events,
  assertReady,
}: AgentRoutesDependencies): readonly Route[] {
  return [
    route(enrollDeviceOperation, async ({ body, principal }) => {
      const { device, credential, fresh } = await devices.enroll(principal, body);
      events.enrolled(fresh);
      return {
        status: fresh ? 201 : 200,
        headers: secretHeaders,
        json: { device, credential, signingKeys: [] },
      };
    }),
    route(renewCredentialOperation, async ({ principal }) => ({
      status: 201,
      headers: secretHeaders,
      json: { credential: await devices.renewCredential(principal.tenantId, principal.deviceId) },
    })),
    route(putStatusOperation, async ({ body, principal }) => {
      await devices.putStatus(principal.tenantId, principal.deviceId, body);
      return { status: 204 };
    }),
    route(getPolicyOperation, async ({ headers, principal }) => {
      assertReady();
      const policy = view.policyOf(principal.tenantId);
      const etag = etagOf(policy.revision);
      const caching = { etag, 'cache-control': 'private, no-cache' };
      if (isUnchanged(headers['if-none-match'], etag)) return { status: 304, headers: caching };
      return { status: 200, headers: caching, json: policy };
    }),
  ];
}
