import { createServer } from 'node:net';

/**
 * @param preferred taken where nobody listens on it
 * @returns a port of the loopback interface that was free a moment ago: another process may still be faster
 */
export async function freePort(preferred = 0): Promise<number> {
  const port = (await listenOnce(preferred)) ?? (await listenOnce(0));
  if (port === null) throw new Error('No port of the loopback interface is free.');
  return port;
}

async function listenOnce(port: number): Promise<number | null> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.once('listening', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? null) : null));
    });
  });
}
