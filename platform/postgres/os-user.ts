import { existsSync, readFileSync, statSync } from 'node:fs';

/** The operating-system user that PostgreSQL runs as. */
export interface OsUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root, so a root process lends it an unprivileged user: the one that the data belongs to
 * already, else an existing one.
 *
 * @param cluster the folder of the database files, which need not be there yet
 * @returns `undefined` when this process is not root and PostgreSQL runs as whoever runs us
 */
export function chooseOsUser(cluster: string): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = parsePasswd(readFileSync('/etc/passwd', 'utf8'));
  const owner = existsSync(cluster) ? statSync(cluster) : undefined;
  if (owner !== undefined && owner.uid !== 0) {
    return {
      name: users.find(({ uid }) => uid === owner.uid)?.name ?? String(owner.uid),
      uid: owner.uid,
      gid: owner.gid,
    };
  }
  const named = (wanted: string): OsUser | undefined => users.find(({ name }) => name === wanted);
  return named('postgres') ?? named('nobody') ?? { name: 'nobody', uid: 65_534, gid: 65_534 };
}

/** @returns the entries of an `/etc/passwd` text that have a numeric user and group */
export function parsePasswd(text: string): readonly OsUser[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    if (name === '' || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return [];
    return [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}
