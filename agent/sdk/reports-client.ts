import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import {
  lookupResultSchema,
  reportBatchResultSchema,
  reportOutcomeSchema,
  type agentStatusSchema,
  type ReportResult,
} from '../../contracts/http.ts';
import type { ReportId } from '../../contracts/ids.ts';
import { policySchema, type Policy } from '../../contracts/policy.ts';
import type { ReportInput } from '../../contracts/report.ts';
import { callService, ServiceError, type RetryRule, type ServiceAddress } from './service-call.ts';

export type AgentStatus = z.input<typeof agentStatusSchema>;
export type LookupResult = z.infer<typeof lookupResultSchema>;
export type ReportOutcome = z.infer<typeof reportOutcomeSchema>;

export interface SendOptions {
  /** Hold the answer until every verdict is decided, at most so long. Whole seconds on the wire, rounded up. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  readonly retry?: Partial<RetryRule>;
}

/** What a device says to the service and asks of it. Every method throws ServiceError. */
export interface ReportsClient {
  /**
   * @param reports 1…500 of them
   * @returns one result per report, in order. Reports that the service put off are sent again as it asks, a few times.
   */
  send(reports: readonly ReportInput[], options?: SendOptions): Promise<readonly ReportResult[]>;
  outcome(reportId: ReportId): Promise<ReportOutcome>;
  /** What is in force for this device, without a sighting. @param keys 1…500 of them */
  lookUp(keys: readonly ArtifactKey[]): Promise<LookupResult>;
  /** The policy in force; an unchanged one is not sent again. */
  policy(): Promise<Policy>;
  putStatus(status: AgentStatus): Promise<void>;
}

const graceMs = 5_000;
const mostResends = 3;

export function createReportsClient(address: ServiceAddress): ReportsClient {
  let known: { readonly etag: string; readonly policy: Policy } | null = null;

  const sendOnce = async (reports: readonly ReportInput[], options: SendOptions) => {
    const waitSeconds = Math.ceil((options.waitMs ?? 0) / 1000);
    const { value } = await callService(address, {
      method: 'POST',
      path: '/v1/reports',
      body: { sentAt: new Date().toISOString(), ecs: { version: '9.1' }, reports },
      ...(waitSeconds > 0 && { headers: { prefer: `wait=${waitSeconds}` } }),
      answer: reportBatchResultSchema,
      timeoutMs: waitSeconds * 1000 + graceMs,
      ...(options.signal && { signal: options.signal }),
      ...(options.retry && { retry: options.retry }),
    });
    return answered(value).results;
  };

  return {
    async send(reports, options = {}) {
      const results = [...(await sendOnce(reports, options))];
      for (let round = 0; round < mostResends; round += 1) {
        const putOff = results.flatMap(({ status }, index) => (status === 'deferred' ? [index] : []));
        if (putOff.length === 0) break;
        const pauseMs = Math.max(...putOff.map((index) => results[index]?.retryAfterMs ?? 0));
        await sleep(pauseMs * (1 + Math.random() / 2), undefined, { signal: options.signal });
        const again = await sendOnce(
          putOff.flatMap((index) => reports[index] ?? []),
          options,
        );
        putOff.forEach((index, position) => {
          const result = again[position];
          if (result) results[index] = result;
        });
      }
      return results;
    },

    async outcome(reportId) {
      const path = `/v1/reports/${encodeURIComponent(reportId)}`;
      return answered(
        (await callService(address, { method: 'GET', path, answer: reportOutcomeSchema })).value,
      );
    },

    async lookUp(keys) {
      const request = {
        method: 'POST',
        path: '/v1/lookups',
        body: { keys },
        answer: lookupResultSchema,
      } as const;
      return answered((await callService(address, request)).value);
    },

    async policy() {
      const { status, headers, value } = await callService(address, {
        method: 'GET',
        path: '/v1/agent/policy',
        ...(known && { headers: { 'if-none-match': known.etag } }),
        answer: policySchema,
      });
      if (status === 304 && known) return known.policy;
      const policy = answered(value);
      const etag = headers.get('etag');
      known = etag === null ? null : { etag, policy };
      return policy;
    },

    async putStatus(status) {
      await callService(address, { method: 'PUT', path: '/v1/agent/status', body: status });
    },
  };
}

function answered<Value>(value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw new ServiceError('foreign', 'The answer has no body.', { retryable: false });
}
