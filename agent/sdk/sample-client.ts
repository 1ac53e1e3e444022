import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { sha256Hex } from '../../contracts/canonical.ts';
import { takenSampleSchema } from '../../contracts/sample.ts';
import { callService, ServiceError, type RetryRule, type ServiceAddress } from './service-call.ts';

/** What became of a sample: stored, there already, or why the service does not want it. */
export type SampleOutcome =
  { readonly kind: 'stored' | 'known' } | { readonly kind: 'refused' | 'changed'; readonly why: string };

export interface SampleClient {
  /**
   * Sends a file that the service asked for. It takes as long as it takes: nothing that is held waits for it.
   *
   * @param sha256 as it was reported
   * @param bytes of the file as it is now
   * @throws ServiceError when no attempt succeeded; the reason of `signal` when it fires
   */
  send(sha256: string, bytes: Buffer, signal?: AbortSignal): Promise<SampleOutcome>;
}

/** Longer than that of reports: a sample is not in a hurry, and a fleet that was asked at once comes at once. */
const patience: RetryRule = { attempts: 6, firstPauseMs: 1_000, longestPauseMs: 60_000 };
const timeoutMs = 40_000;
const compress = promisify(gzip);

export function createSampleClient(address: ServiceAddress, retry: RetryRule = patience): SampleClient {
  return {
    async send(sha256, bytes, signal) {
      if (sha256Hex(bytes) !== sha256)
        return { kind: 'changed', why: 'The file is no longer the one that was reported.' };
      try {
        const { status } = await callService(address, {
          method: 'PUT',
          path: `/v1/samples/${sha256}`,
          bytes: await compress(bytes),
          headers: { 'content-encoding': 'gzip' },
          answer: takenSampleSchema,
          timeoutMs,
          retry,
          ...(signal && { signal }),
        });
        return { kind: status === 201 ? 'stored' : 'known' };
      } catch (error) {
        if (error instanceof ServiceError && error.kind === 'problem' && !error.retryable)
          return { kind: 'refused', why: error.message };
        throw error;
      }
    },
  };
}
