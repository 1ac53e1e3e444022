import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from 'kafkajs';
import { FirebreakError } from '../../../contracts/errors.ts';
import { groupBy } from '../../../contracts/group-by.ts';
import type { Position } from '../log.ts';
import { assign, encodeCandidate, protocolName, readAssignment } from './group-protocol.ts';
import { coordinatorOf, isKafkaError, kafkaErrorName, toLogError, type GroupBroker } from './kafka-client.ts';
import type { KafkaLogSettings } from './settings.ts';

export interface GroupMemberOptions {
  /** Connections of this member alone; its topics are known to it. */
  readonly cluster: Cluster;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly settings: KafkaLogSettings;
  /** These slots are this member's from now on. Not awaited: the member must go on showing signs of life. */
  readonly onGained: (slots: readonly number[]) => void;
  /** Resolves when nothing of these slots goes on. When `clean`, commits are still taken until then. */
  readonly onLost: (slots: readonly number[], clean: boolean) => Promise<void>;
  /** A bug ended the membership. */
  readonly onFailed: (error: unknown) => void;
}

const evictions = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'];
const retryPauseMs = 100;

/**
 * One member of a Kafka consumer group, by the classic group protocol with a cooperative assignor: what a member keeps
 * goes on through a rebalance, and what it loses it lets go before anybody else is given it.
 *
 *   joining ──assigned, nothing to let go──▶ stable ──the group changes──▶ joining
 *      └──assigned, something to let go──▶ letting go ──let go──▶ joining
 *   any ──the coordinator does not know us, or was not heard for a session──▶ everything is lost, not clean ──▶ joining
 *   any ──leave──▶ everything is let go ──▶ left
 */
export class GroupMember {
  readonly #options: GroupMemberOptions;
  readonly #held = new Set<number>();
  #coordinator: GroupBroker | undefined;
  #memberId = '';
  #generation = -1;
  #heardAtMs = 0;
  #isLeaving = false;
  #wake: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: GroupMemberOptions) {
    this.#options = options;
  }

  /** @param onFirstAssignment when the first assignment is there, or none will come any more */
  start(onFirstAssignment: () => void): void {
    this.#running = this.#run(onFirstAssignment).catch(this.#options.onFailed).finally(onFirstAssignment);
  }

  /** Lets go of everything and leaves the group. */
  async leave(): Promise<void> {
    if (this.#isLeaving) return this.#running;
    this.#isLeaving = true;
    this.#wake();
    await this.#running;
    await this.#letGo([...this.#held], true);
    const { groupId } = this.#options;
    if (this.#memberId === '') return;
    await this.#ask((coordinator) => coordinator.leaveGroup({ groupId, memberId: this.#memberId })).catch(
      (error: unknown) => this.#retrying('leaving the group', error),
    );
  }

  /** One try. Only for what is ours: the group takes it for the owner's word. @throws FB_LOG_UNAVAILABLE */
  async commit(positions: readonly Position[]): Promise<void> {
    const { groupId } = this.#options;
    const [memberId, groupGenerationId] = [this.#memberId, this.#generation];
    // Without both, a coordinator that has forgotten the group would take it from anybody.
    if (memberId === '' || groupGenerationId < 0)
      throw new FirebreakError('FB_LOG_UNAVAILABLE', 'The group does not know this member now.');
    const topics = [...groupBy(positions, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
      topic,
      partitions: ofTopic.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
    }));
    try {
      await this.#ask((coordinator) =>
        coordinator.offsetCommit({ groupId, groupGenerationId, memberId, topics }),
      );
    } catch (error) {
      throw toLogError(error, 'committing an offset');
    }
  }

  /** @returns what the group has committed, by partition; null where nothing is */
  async committed(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number | null>> {
    const { groupId } = this.#options;
    const wanted = [{ topic, partitions: partitions.map((partition) => ({ partition, offset: '-1' })) }];
    for (;;) {
      try {
        const { responses } = await this.#ask((coordinator) =>
          coordinator.offsetFetch({ groupId, topics: wanted }),
        );
        const found = responses.flatMap((response) => response.partitions);
        return new Map(
          found.map(({ partition, offset }) => [partition, Number(offset) < 0 ? null : Number(offset)]),
        );
      } catch (error) {
        if (!isKafkaError(error) || this.#isLeaving) throw toLogError(error, 'reading committed offsets');
        this.#retrying('reading committed offsets', error);
        await sleep(retryPauseMs);
      }
    }
  }

  async #run(onFirstAssignment: () => void): Promise<void> {
    while (!this.#isLeaving) {
      try {
        const assigned = new Set(await this.#join());
        const lost = [...this.#held].filter((slot) => !assigned.has(slot));
        const gained = [...assigned].filter((slot) => !this.#held.has(slot));
        for (const slot of gained) this.#held.add(slot);
        this.#options.onGained(gained);
        onFirstAssignment();
        await this.#stayAlive(lost.length === 0 ? null : this.#letGo(lost, true));
      } catch (error) {
        if (!isKafkaError(error)) throw error;
        this.#retrying('taking part in the group', error);
        if (this.#isEvicted(error)) await this.#evict(error);
        await this.#pause(retryPauseMs);
      }
    }
  }

  async #join(): Promise<readonly number[]> {
    const { cluster, groupId, topics, settings } = this.#options;
    const metadata = encodeCandidate(topics, { generation: this.#generation, slots: [...this.#held] });
    const joined = await this.#ask((coordinator) =>
      coordinator.joinGroup({
        groupId,
        memberId: this.#memberId,
        sessionTimeout: settings.sessionTimeoutMs,
        rebalanceTimeout: settings.rebalanceTimeoutMs,
        groupProtocols: [{ name: protocolName, metadata }],
      }),
    );
    const { generationId: generation, memberId, leaderId, members } = joined;
    this.#memberId = memberId;
    if (leaderId === memberId) await cluster.refreshMetadata();
    const partitionsOf = (topic: string) => cluster.findTopicPartitionMetadata(topic).length;
    const groupAssignment = leaderId === memberId ? assign(members, partitionsOf) : [];
    const { memberAssignment } = await this.#ask((coordinator) =>
      coordinator.syncGroup({ groupId, generationId: generation, memberId, groupAssignment }),
    );
    this.#generation = generation;
    this.#heardAtMs = Date.now();
    return readAssignment(memberAssignment);
  }

  /** Returns when it is time to join again, or to leave. */
  async #stayAlive(lettingGo: Promise<void> | null): Promise<void> {
    const { groupId, settings } = this.#options;
    let hasLetGo = false;
    const done = lettingGo?.finally(() => {
      hasLetGo = true;
      this.#wake();
    });
    while (!this.#isLeaving && !hasLetGo) {
      await this.#pause(settings.heartbeatMs);
      if (this.#isLeaving || hasLetGo) break;
      try {
        await this.#ask((coordinator) =>
          coordinator.heartbeat({
            groupId,
            groupGenerationId: this.#generation,
            memberId: this.#memberId,
          }),
        );
        this.#heardAtMs = Date.now();
      } catch (error) {
        if (kafkaErrorName(error) === 'REBALANCE_IN_PROGRESS') break;
        if (!isKafkaError(error) || this.#isEvicted(error)) throw error;
        this.#retrying('telling the group of being alive', error);
      }
    }
    await done;
  }

  #isEvicted(error: unknown): boolean {
    const silentMs = Date.now() - this.#heardAtMs;
    return (
      evictions.includes(kafkaErrorName(error)) ||
      (this.#held.size > 0 && silentMs > this.#options.settings.sessionTimeoutMs)
    );
  }

  async #evict(error: unknown): Promise<void> {
    const { groupId, settings } = this.#options;
    this.#memberId = '';
    this.#generation = -1;
    if (this.#held.size === 0) return;
    settings.onEvent({ kind: 'evicted', group: groupId, error });
    await this.#letGo([...this.#held], false);
  }

  async #letGo(slots: readonly number[], clean: boolean): Promise<void> {
    if (slots.length > 0) await this.#options.onLost(slots, clean);
    for (const slot of slots) this.#held.delete(slot);
  }

  /** Asks the coordinator; after a failure the next question goes to whoever it is then. */
  async #ask<Answer>(question: (coordinator: GroupBroker) => Promise<Answer>): Promise<Answer> {
    const { cluster, groupId } = this.#options;
    try {
      this.#coordinator ??= await coordinatorOf(cluster, groupId);
      return await question(this.#coordinator);
    } catch (error) {
      this.#coordinator = undefined;
      throw error;
    }
  }

  #retrying(what: string, error: unknown): void {
    if (kafkaErrorName(error) === 'REBALANCE_IN_PROGRESS') return;
    this.#options.settings.onEvent({ kind: 'retrying', what, error });
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isLeaving) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
