import { describe, expect, test } from '@jest/globals';
import { parseRedisTarget } from '../../../platform/signals/redis-target.ts';

const open = { username: null, password: null, tls: null };

describe('parseRedisTarget', () => {
  test('a host alone has the default port and database', () => {
    expect(parseRedisTarget('redis://cache.internal')).toEqual({
      kind: 'standalone',
      ...open,
      node: { host: 'cache.internal', port: 6379 },
      db: 0,
    });
  });

  test('user, password, port, database and TLS are read', () => {
    expect(parseRedisTarget('rediss://fire:p%40ss%2F%3A@10.0.0.1:6380/3')).toEqual({
      kind: 'standalone',
      username: 'fire',
      password: 'p@ss/:',
      tls: {},
      node: { host: '10.0.0.1', port: 6380 },
      db: 3,
    });
  });

  test('sentinels come with the name of the master', () => {
    expect(parseRedisTarget('redis-sentinel://:secret@a:26379,b/mymaster/1')).toEqual({
      kind: 'sentinel',
      ...open,
      password: 'secret',
      sentinels: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 26_379 },
      ],
      master: 'mymaster',
      db: 1,
    });
  });

  test('a cluster has nodes', () => {
    expect(parseRedisTarget('rediss-cluster://a:7000,[::1]:7001')).toEqual({
      kind: 'cluster',
      ...open,
      tls: {},
      nodes: [
        { host: 'a', port: 7000 },
        { host: '::1', port: 7001 },
      ],
    });
  });

  test.each([
    ['localhost:6379', 'none of'],
    ['http://localhost', 'none of'],
    ['', 'none of'],
    ['redis://a:1,b:2', 'several hosts'],
    ['redis://a:99999', 'port 99999'],
    ['redis://a:b', '"a:b"'],
    ['redis://a/first', '"first"'],
    ['redis://user@a', 'without a password'],
    ['redis://:100%@a', 'percent-encoded'],
    ['redis-sentinel://a:1,b:2', 'name of the master'],
    ['redis-sentinel://a:1/name/0/more', 'name of the master'],
    ['redis-cluster://a:1/0', 'neither databases nor a name'],
    ['redis-cluster://a:1,,b:2', '""'],
  ])('%s is refused', (text, says) => {
    expect(() => parseRedisTarget(text)).toThrow(says);
    expect(() => parseRedisTarget(text)).toThrow(expect.objectContaining({ code: 'FB_CONFIG_INVALID' }));
  });

  test('a refusal does not tell the password', () => {
    expect(() => parseRedisTarget('redis://:hunter2@a:b')).toThrow(/^(?!.*hunter2)/);
    expect(() => parseRedisTarget('redis:/:hunter2@a')).toThrow(/^(?!.*hunter2)/);
  });
});
