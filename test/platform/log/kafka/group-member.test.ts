import { describe, expect, test } from '@jest/globals';
import { KafkaJSConnectionError, type Cluster } from 'kafkajs';
import { GroupMember } from '../../../../platform/log/kafka/group-member.ts';
import { defaultSettings } from '../../../../platform/log/kafka/settings.ts';

const position = (partition: number) => ({ topic: 'reports', partition, offset: 7 });

describe('commits that go together', () => {
  test('a partition that is lost meanwhile takes no other one’s commit with it', async () => {
    const owned = new Set([0, 1]);
    const asked: number[][] = [];
    const coordinator = {
      offsetCommit: ({ topics }: { topics: { partitions: { partition: number }[] }[] }) => {
        asked.push(topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition)));
        if (asked.length > 1) return Promise.resolve();
        owned.delete(1);
        return Promise.reject(new KafkaJSConnectionError('away'));
      },
    };
    const member = new GroupMember({
      // The member asks nothing else of it before it has joined.
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
    const committed = await member.commit([position(0), position(1)], ({ partition }) =>
      owned.has(partition),
    );
    expect(committed).toEqual([position(0)]);
    expect(asked).toEqual([[0, 1], [0]]);
  });
});
