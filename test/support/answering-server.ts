import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface ScriptedAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AnsweringServer {
  readonly baseUrl: string;
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

/** A real HTTP server on a free port that answers what the test says: for how a client meets answers of every sort. */
export async function startAnsweringServer(
  answer: (request: SeenRequest, count: number) => ScriptedAnswer,
): Promise<AnsweringServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const bytes = Buffer.concat(chunks);
      const body: unknown = bytes.length === 0 ? undefined : readBody(bytes, headers['content-type']);
      const next = { method, path, headers, body };
      seen.push(next);
      const scripted = answer(next, seen.length);
      response.writeHead(scripted.status, scripted.headers);
      const raw = typeof scripted.body === 'string' ? scripted.body : JSON.stringify(scripted.body);
      response.end(scripted.body === undefined ? undefined : raw);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Bytes stay bytes; everything else that agents send is JSON. */
function readBody(bytes: Buffer, mediaType = ''): unknown {
  return mediaType === 'application/octet-stream' ? bytes : JSON.parse(bytes.toString('utf8'));
}
