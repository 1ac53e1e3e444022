/**
 * `npm run compose:nginx`: writes deploy/nginx.conf, the proxy of docker-compose.yml, from the table of routes and the
 * limits. A test compares the file with what this makes.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { errorDefinitions, FirebreakError, toProblem, type ErrorCode } from '../../contracts/errors.ts';
import { defaultLimits } from '../../contracts/limits.ts';
import type { Operation } from '../../contracts/operation.ts';
import { takeDetonationOperation } from '../../contracts/operations/detonations.ts';
import { streamOperation } from '../../contracts/operations/publish.ts';
import { putSampleOperation } from '../../contracts/operations/samples.ts';
import { routedOperations } from '../../services/host/routing.ts';

/** A pattern of `method path?query` as they are on the wire, so that what is encoded is read as the service reads it. */
function routePattern({ method, path }: Operation): string {
  const methods = method === 'GET' ? '(?:GET|HEAD)' : method;
  return `^${methods} ${path.replaceAll('.', '[.]').replace(/\{[^}]+\}/g, '[^/?]+')}(?:[?]|$)`;
}

function routeLines(): string {
  return Object.entries(routedOperations)
    .flatMap(([service, operations]) =>
      operations.map((operation) => `        "~${routePattern(operation)}" ${service};`),
    )
    .join('\n');
}

/** What agents understand, instead of a page for people. */
function problemLocation(name: string, code: ErrorCode, headers: readonly string[]): string {
  const { status, remedy } = errorDefinitions[code];
  const body = JSON.stringify(toProblem(new FirebreakError(code, remedy)));
  const lines = headers.map((header) => `            add_header ${header} always;\n`).join('');
  return `        location @${name} {
            default_type application/problem+json;
            add_header Cache-Control no-store always;
${lines}            return ${status} '${body}';
        }`;
}

/** Goes through as it comes: the service knows before the end whether it wants it. */
function uploadLocation({ path }: Operation, mostBytes: number, tooLarge: string): string {
  return `        # Goes through as it comes: the service knows before the end whether it wants it.
        location ~ ^${path.replace(/\{[^}]+\}/, '[^/]+')}$ {
            client_max_body_size ${mostBytes};
            proxy_request_buffering off;
            error_page 413 @${tooLarge};
            error_page 502 504 = @not_ready;
            proxy_pass http://$service:8080;
        }`;
}

const waitSeconds = Math.max(defaultLimits.waitMs, defaultLimits.longPollMs) / 1000;
/** The agent's own patience ends before, and the service's answer comes before that. */
const answerSeconds = waitSeconds + 15;

/** @returns the configuration of the proxy in front of all services */
export function nginxConfiguration(): string {
  return `# Made by \`npm run compose:nginx\` from services/host/routing.ts and contracts/limits.ts; a test compares. Do not edit.

worker_processes auto;
# A stream holds two connections for hours, and each takes a file descriptor.
worker_rlimit_nofile 65536;
pid /tmp/nginx.pid;
error_log stderr error;

events {
    worker_connections 32768;
}

http {
    access_log off;
    server_tokens off;
    # The root file system is read-only.
    client_body_temp_path /tmp/client_body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;

    # Docker's own name server. Names are asked for again, so that instances that come and go are found.
    resolver 127.0.0.11 valid=5s ipv6=off;

    # Which service answers. What is not listed is query's.
    map "$request_method $request_uri" $service {
        default query;
${routeLines()}
    }

    server {
        listen 8080 default_server;
        server_name _;

        client_max_body_size ${defaultLimits.bodyBytes};
        client_body_buffer_size 256k;
        # As long as the services take them: a cursor is up to 4 KiB.
        large_client_header_buffers 4 16k;
        keepalive_timeout 75s;

        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_connect_timeout 2s;
        # Requests wait for verdicts and changes for up to ${waitSeconds} s.
        proxy_read_timeout ${answerSeconds}s;
        proxy_max_temp_file_size 0;
        # An instance that starts, stops or is full leaves the request to the next; what may have had an effect is not repeated.
        proxy_next_upstream error http_503;
        proxy_next_upstream_tries 3;

        error_page 413 @too_large;
        error_page 502 504 = @not_ready;

        location / {
            proxy_pass http://$service:8080;
        }

        # Each event goes out as it comes. The service sends a ping every ${defaultLimits.pingMs / 1000} s.
        location = ${streamOperation.path} {
            proxy_buffering off;
            proxy_read_timeout 1h;
            send_timeout 1h;
            proxy_pass http://$service:8080;
        }

${uploadLocation(putSampleOperation, defaultLimits.sampleBytes, 'sample_too_large')}

${uploadLocation(takeDetonationOperation, defaultLimits.detonationBytes, 'too_large')}

${problemLocation('too_large', 'FB_BODY_TOO_LARGE', [])}

${problemLocation('sample_too_large', 'FB_SAMPLE_TOO_LARGE', [])}

${problemLocation('not_ready', 'FB_NOT_READY', ['Retry-After 2'])}
    }

    # For the health check of this container alone.
    server {
        listen 127.0.0.1:8081;
        location = /health {
            return 200;
        }
    }
}
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(new URL('../../deploy/nginx.conf', import.meta.url), nginxConfiguration());
  process.stdout.write('deploy/nginx.conf\n');
}
