import type { Operation } from '../../contracts/operation.ts';
import { ingestOperations } from '../../contracts/operations/ingest.ts';
import { publishOperations } from '../../contracts/operations/publish.ts';
import type { ServiceName } from './services.ts';

/** Services with an interface of their own, and the operations that are theirs. All others are query's. */
export const routedOperations: Readonly<Record<'ingest' | 'publish', readonly Operation[]>> = {
  ingest: ingestOperations,
  publish: publishOperations,
};

const table = Object.entries(routedOperations).flatMap(([service, operations]) =>
  operations.map(({ method, path }) => ({
    service: service as 'ingest' | 'publish',
    method,
    pattern: new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`),
  })),
);

/**
 * @param path without the query
 * @returns the service that answers there; whoever stands in front of them routes by this
 */
export function serviceFor(
  method: string,
  path: string,
): Extract<ServiceName, 'ingest' | 'publish' | 'query'> {
  const wanted = method === 'HEAD' ? 'GET' : method;
  return table.find((row) => row.method === wanted && row.pattern.test(path))?.service ?? 'query';
}
