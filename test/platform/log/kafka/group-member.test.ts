import { describe, expect, test } from '@jest/globals';
import type { Cluster } from 'kafkajs';
import { GroupMember } from '../../../../platform/log/kafka/group-member.ts';
import { defaultSettings } from '../../../../platform/log/kafka/settings.ts';

describe('a member of a group', () => {
  test('commits nothing while the group does not know it', async () => {
    const asked: unknown[] = [];
    const coordinator = { offsetCommit: (request: unknown) => Promise.resolve(asked.push(request)) };
    const member = new GroupMember({
      cluster: { findGroupCoordinator: () => Promise.resolve(coordinator) } as unknown as Cluster,
      groupId: 'a group',
      topics: ['reports'],
      settings: defaultSettings,
      onGained: () => undefined,
      onLost: () => Promise.resolve(),
      onFailed: (error) => {
        throw error;
      },
    });
    await expect(member.commit([{ topic: 'reports', partition: 0, offset: 7 }])).rejects.toMatchObject({
      code: 'FB_LOG_UNAVAILABLE',
      retryable: true,
    });
    expect(asked).toEqual([]);
  });
});
