import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** A free one otherwise. */
  readonly port?: number;
}

/** Stands between a client and a server on the loopback interface, and fails when it is told to. */
export interface TcpProxy {
  readonly port: number;
  /** Connections of clients that are open. */
  readonly connections: number;
  /** Destroys every open connection; new ones are taken. */
  cut(): void;
  /** While on, new connections are closed at once; open ones stay. */
  refuse(on: boolean): void;
  /** Destroys what is open and frees the port. */
  stop(): Promise<void>;
}

/** @throws Error when the port is taken */
export async function startProxy({ target, port = 0 }: ProxyOptions): Promise<TcpProxy> {
  const open = new Set<Socket>();
  let isRefusing = false;
  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    join(client, connect(target.port, target.host), open);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: portOf(server),
    get connections() {
      return open.size / 2;
    },
    cut,
    refuse: (on) => {
      isRefusing = on;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}

/** What a side said before it ended still arrives; a side that breaks off takes the other with it. */
function join(client: Socket, server: Socket, open: Set<Socket>): void {
  const pairs: readonly (readonly [Socket, Socket])[] = [
    [client, server],
    [server, client],
  ];
  for (const [from, to] of pairs) {
    open.add(from);
    from.setNoDelay(true);
    from.on('error', () => undefined);
    from.once('close', () => {
      open.delete(from);
      if (from.readableEnded) to.end();
      else to.destroy();
    });
    from.pipe(to);
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  return address.port;
}
