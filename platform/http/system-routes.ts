import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { FirebreakError } from '../../contracts/errors.ts';
import type { OpenApiDocument } from '../../contracts/openapi.ts';
import { getLiveness, getReadiness } from '../../contracts/operations/service.ts';
import type { Missing } from '../lifecycle/start-parts.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { bearerToken } from './admit.ts';
import { contentSecurityPolicy, docsPage } from './docs-page.ts';
import { route, type Route } from './route.ts';

export interface SystemOptions {
  readonly metrics: Pick<Metrics, 'page'>;
  /** Null: metrics are shown to this machine alone. */
  readonly metricsToken: string | null;
  readonly openApi: OpenApiDocument;
}

/** @param missing what keeps the service from serving right now */
export function healthRoutes(missing: () => readonly Missing[]): readonly Route[] {
  return [
    route(getLiveness, async () => ({ status: 200, headers: noStore, json: { live: true } })),
    route(getReadiness, async () => {
      const parts = missing();
      const ready = parts.length === 0;
      return { status: ready ? 200 : 503, headers: noStore, json: { ready, missing: parts } };
    }),
  ];
}

/** Beside what the OpenAPI document describes; each takes GET and HEAD. */
export const systemPaths = ['/metrics', '/openapi.json', '/docs'] as const;

const noStore = { 'cache-control': 'no-store' };

/** Metrics, the OpenAPI document and its readable page, which needs nothing from elsewhere. */
export function registerSystemRoutes(app: FastifyInstance, options: SystemOptions): void {
  const { metrics, metricsToken, openApi } = options;
  const get = (path: (typeof systemPaths)[number], handler: RouteHandlerMethod) =>
    app.route({ method: ['GET', 'HEAD'], url: path, handler });
  get('/metrics', async (request, reply) => {
    checkMetricsAccess(request, metricsToken);
    const { mediaType, text } = await metrics.page();
    return reply.header('content-type', mediaType).headers(noStore).send(text);
  });
  const document = JSON.stringify(openApi);
  get('/openapi.json', async (_request, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(document),
  );
  const page = docsPage(openApi);
  get('/docs', async (_request, reply) =>
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', contentSecurityPolicy)
      .send(page),
  );
}

/** A request that a proxy passed on comes from this machine too: its headers give it away. */
function checkMetricsAccess(request: FastifyRequest, token: string | null): void {
  if (token !== null) {
    const given = bearerToken(request.headers.authorization);
    if (timingSafeEqual(digest(given), digest(token))) return;
    throw new FirebreakError('FB_CREDENTIAL_UNKNOWN', 'This is not the token of the metrics.');
  }
  const { headers, socket } = request;
  const forwarded = headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined;
  const local = /^(?:127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '');
  if (local && !forwarded) return;
  throw new FirebreakError(
    'FB_CREDENTIAL_MISSING',
    'Metrics are for this machine, unless FIREBREAK_METRICS_TOKEN is set.',
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
