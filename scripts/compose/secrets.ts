/**
 * `npm run -s compose:secrets`: makes the secrets that docker-compose.yml reads, in the folder `secrets`, each of them
 * once: what is there stays. Only their owner may enter the folder. The files themselves may be read by all, as compose
 * mounts them one by one, as they are, for users of the containers who are nobody outside.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const random = (): string => randomBytes(32).toString('base64url');

/**
 * @param folder made when it is not there
 * @returns the files that were made now
 */
export function makeSecrets(folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const made: string[] = [];
  const ensure = (name: string, make: () => string): string => {
    const file = join(folder, name);
    if (existsSync(file)) return readFileSync(file, 'utf8').trim();
    const value = make();
    writeFileSync(file, `${value}\n`, { flag: 'wx' });
    chmodSync(file, 0o444);
    made.push(file);
    return value;
  };
  ensure('operator-token', () => `fbo_${random()}`);
  ensure('metrics-token', random);
  const postgres = ensure('postgres-password', random);
  const redis = ensure('redis-password', random);
  ensure(
    'postgres-url',
    () => `postgres://firebreak:${encodeURIComponent(postgres)}@postgres:5432/firebreak`,
  );
  ensure('redis-url', () => `redis://:${encodeURIComponent(redis)}@redis:6379`);
  ensure('sample-keys', () => `first:${randomBytes(32).toString('hex')}`);
  return made;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const made = makeSecrets(fileURLToPath(new URL('../../secrets', import.meta.url)));
  for (const file of made) process.stdout.write(`${file}\n`);
  if (made.length === 0) process.stdout.write('All secrets are there already.\n');
}
