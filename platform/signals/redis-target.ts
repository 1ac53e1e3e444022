import { FirebreakError } from '../../contracts/errors.ts';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

interface RedisAccess {
  /** Null: the default user. */
  readonly username: string | null;
  readonly password: string | null;
  /** Encrypted, the server's certificate checked; null where it is not. */
  readonly tls: {
    /** PEM; those that Node trusts where left out. */
    readonly ca?: string[];
  } | null;
}

/** Where Redis is. User and password are those of the servers that hold the data, not those of the sentinels. */
export type RedisTarget = RedisAccess &
  (
    | { readonly kind: 'standalone'; readonly node: RedisNode; readonly db: number }
    | {
        readonly kind: 'sentinel';
        readonly sentinels: readonly RedisNode[];
        readonly master: string;
        readonly db: number;
      }
    | { readonly kind: 'cluster'; readonly nodes: readonly RedisNode[] }
  );

const defaultPorts = { redis: 6379, sentinel: 26_379, cluster: 6379 } as const;
const forms =
  'redis://host:port/db, redis-sentinel://host:port,host:port/mastername/db or redis-cluster://host:port,host:port, ' +
  'each with user:password@ before the host where needed, and with rediss for TLS';
const shape = /^redis(s?)(?:-(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/;

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `redis-sentinel://[…@]host[:port],…/mastername[/db]` or
 * `redis-cluster://[…@]host[:port],…`; `rediss` instead of `redis` means TLS. User and password are percent-encoded.
 *
 * @param authorities PEM, that certificates may be from; those that Node trusts where left out
 * @throws FB_CONFIG_INVALID with what is wrong, without the text: it may hold a password
 */
export function parseRedisTarget(text: string, authorities?: readonly string[]): RedisTarget {
  const parts = shape.exec(text.trim());
  if (parts === null) throw invalid(`is none of: ${forms}`);
  const [, secure = '', kind = 'redis', userInfo = '', hosts = '', path = ''] = parts;
  const tls = secure === 's' ? { ...(authorities !== undefined && { ca: [...authorities] }) } : null;
  const access = { ...parseUserInfo(userInfo), tls };
  switch (kind) {
    case 'sentinel': {
      const [master = '', db = '', ...more] = path.split('/');
      if (master === '' || more.length > 0)
        throw invalid('needs the name of the master after the sentinels, as in /mymaster');
      const sentinels = parseNodes(hosts, defaultPorts.sentinel);
      return { kind, ...access, sentinels, master: decode(master), db: parseDb(db) };
    }
    case 'cluster':
      if (path !== '') throw invalid('has a path, but a cluster has neither databases nor a name');
      return { kind, ...access, nodes: parseNodes(hosts, defaultPorts.cluster) };
    default: {
      const [node, ...others] = parseNodes(hosts, defaultPorts.redis);
      if (node === undefined || others.length > 0)
        throw invalid('names several hosts: with redis-sentinel:// or redis-cluster:// it may');
      return { kind: 'standalone', ...access, node, db: parseDb(path) };
    }
  }
}

function parseUserInfo(text: string): { readonly username: string | null; readonly password: string | null } {
  const colon = text.indexOf(':');
  if (text !== '' && colon < 0)
    throw invalid('has a user without a password: write user:password@ or :password@');
  const [username, password] = [decode(text.slice(0, Math.max(0, colon))), decode(text.slice(colon + 1))];
  return { username: username === '' ? null : username, password: password === '' ? null : password };
}

function parseNodes(text: string, defaultPort: number): readonly RedisNode[] {
  return text.split(',').map((part) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(part.trim());
    if (match === null) throw invalid(`names "${part}", which is not host:port`);
    const port = match[3] === undefined ? defaultPort : Number(match[3]);
    if (port < 1 || port > 65_535) throw invalid(`names the port ${port}; ports are 1 to 65535`);
    return { host: match[1] ?? match[2] ?? '', port };
  });
}

function parseDb(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,4}$/.test(text)) throw invalid(`names the database "${text}", which is not a number`);
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a % that does not begin a percent-encoded character');
  }
}

function invalid(why: string): FirebreakError {
  return new FirebreakError('FB_CONFIG_INVALID', `The address of Redis ${why}.`);
}
