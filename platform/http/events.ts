import type { FirebreakError } from '../../contracts/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { latencyBuckets, type Metrics } from '../telemetry/metrics.ts';

/** What happens at the HTTP interface, counted and logged. */
export interface HttpEvents {
  answered(operation: string, status: number, tookMs: number): void;
  failed(error: FirebreakError, status: number, requestId: string): void;
}

export function createHttpEvents(metrics: Metrics, logger: Logger): HttpEvents {
  const requests = metrics.counter({ name: 'firebreak_http_requests_total', help: 'Answered requests.' }, [
    'operation',
    'status',
  ]);
  const seconds = metrics.histogram(
    {
      name: 'firebreak_http_request_seconds',
      help: 'From the request line to the last byte of the answer; held requests included.',
    },
    { labels: ['operation'], buckets: latencyBuckets },
  );
  const problems = metrics.counter(
    { name: 'firebreak_http_problems_total', help: 'Problem documents sent, by error code.' },
    ['code'],
  );
  // There from the start: the first one is an increase, too.
  problems.inc({ code: 'FB_INTERNAL' }, 0);
  return {
    answered: (operation, status, tookMs) => {
      requests.inc({ operation, status: String(status) });
      seconds.observe({ operation }, tookMs / 1000);
    },
    failed: (error, status, requestId) => {
      problems.inc({ code: error.code });
      const fields = { code: error.code, requestId, error: error.cause ?? error };
      if (error.code === 'FB_INTERNAL')
        logger.error(fields, 'a request failed in a way that was not foreseen');
      else if (status >= 500) logger.warn(fields, 'a request was answered with a server error');
      else logger.debug({ code: error.code, requestId, detail: error.message }, 'a request was refused');
    },
  };
}
