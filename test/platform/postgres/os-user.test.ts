import { chownSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { chooseOsUser, parsePasswd } from '../../../platform/postgres/os-user.ts';
import { makeHome } from './server.ts';

describe('the user that PostgreSQL runs as', () => {
  test('entries without a numeric user and group are no users', () => {
    expect(
      parsePasswd('root:x:0:0:root:/root:/bin/sh\n\n# nothing\n+nis\nbad:x:a:1\npostgres:x:101:104::/:\n'),
    ).toEqual([
      { name: 'root', uid: 0, gid: 0 },
      { name: 'postgres', uid: 101, gid: 104 },
    ]);
  });

  test('root lends another user; anybody else stays who he is', () => {
    const user = chooseOsUser('/not/there');
    if (process.getuid?.() === 0) expect(user?.uid).toBeGreaterThan(0);
    else expect(user).toBeUndefined();
  });

  test('data that is there keeps its owner', () => {
    const { home, remove } = makeHome();
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(home, 4_242, 4_343);
    expect(chooseOsUser(home)).toEqual(isRoot ? { name: '4242', uid: 4_242, gid: 4_343 } : undefined);
    remove();
  });
});
