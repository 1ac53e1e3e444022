import { readFileSync } from 'node:fs';

/** The operating-system user that PostgreSQL runs as. */
export interface OsUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root, so a root process lends it an existing unprivileged user.
 *
 * @returns `undefined` when this process is not root and PostgreSQL runs as whoever runs us
 */
export function chooseOsUser(passwd = '/etc/passwd'): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = new Map(parsePasswd(readFileSync(passwd, 'utf8')).map((user) => [user.name, user]));
  return users.get('postgres') ?? users.get('nobody') ?? { name: 'nobody', uid: 65_534, gid: 65_534 };
}

/** @returns the entries of an `/etc/passwd` text that have a numeric user and group */
export function parsePasswd(text: string): readonly OsUser[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    if (name === '' || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return [];
    return [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}
