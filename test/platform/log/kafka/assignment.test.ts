import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assignSlots, type Candidate } from '../../../../platform/log/kafka/assignment.ts';

/** Members of a group and what each was given last, through rebalances. */
class Group {
  readonly slots: number;
  generation = 0;
  readonly held = new Map<string, ReadonlySet<number>>();
  /** Slots that changed hands. */
  moves = 0;
  readonly #lastHolder = new Map<number, string>();

  constructor(slots: number) {
    this.slots = slots;
  }

  join(memberId: string): void {
    this.held.set(memberId, new Set());
  }

  leave(memberId: string): void {
    this.held.delete(memberId);
  }

  /** One rebalance. @returns whether some member has to let go of something and join again */
  rebalance(): boolean {
    const candidates = [...this.held].map(([memberId, slots]): Candidate => {
      return { memberId, topics: ['a', 'b'], generation: this.generation, slots: [...slots] };
    });
    const assigned = assignSlots(candidates, this.slots);
    this.generation += 1;
    // What a member holds and was not given again it still has until it has let go: nobody else may have it yet.
    const holders = new Map<number, string>();
    for (const [memberId, slots] of this.held) for (const slot of slots) holders.set(slot, memberId);
    for (const [memberId, slots] of assigned)
      for (const slot of slots) expect(holders.get(slot) ?? memberId).toBe(memberId);
    const mustLetGo = [...this.held].some(([memberId, slots]) =>
      [...slots].some((slot) => assigned.get(memberId)?.includes(slot) !== true),
    );
    for (const [memberId, slots] of assigned) {
      this.held.set(memberId, new Set(slots));
      for (const slot of slots) {
        if (this.#lastHolder.get(slot) !== memberId) this.moves += 1;
        this.#lastHolder.set(slot, memberId);
      }
    }
    return mustLetGo;
  }

  /** Rebalances until nobody has to join again. */
  settle(): void {
    for (let rounds = 0; this.held.size > 0 && this.rebalance(); rounds += 1) expect(rounds).toBeLessThan(3);
  }

  expectShared(): void {
    const sizes = [...this.held.values()].map(({ size }) => size);
    const all = [...this.held.values()].flatMap((slots) => [...slots]);
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: this.slots }, (_, slot) => slot));
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  }
}

describe('slots of a group', () => {
  test.each([1, 2, 3, 4, 5])('twelve are shared by %i, one more or less each', (members) => {
    const group = new Group(12);
    for (let member = 0; member < members; member += 1) {
      group.join(`m${member}`);
      group.settle();
      group.expectShared();
    }
  });

  test('who joins gets its share and nothing else moves; who leaves is replaced and nothing else moves', () => {
    const group = new Group(12);
    for (const memberId of ['a', 'b', 'c']) {
      group.join(memberId);
      group.settle();
    }
    group.moves = 0;
    group.join('d');
    group.settle();
    expect(group.moves).toBe(3);
    group.moves = 0;
    group.leave('b');
    group.settle();
    expect(group.moves).toBe(3);
    group.expectShared();
  });

  test('more members than slots leave some without', () => {
    const group = new Group(2);
    for (const memberId of ['a', 'b', 'c']) group.join(memberId);
    group.settle();
    group.expectShared();
  });

  test('claims of an earlier generation, and claims that contradict each other, are void', () => {
    const member = (memberId: string, generation: number, slots: readonly number[]): Candidate => {
      return { memberId, topics: ['a'], generation, slots };
    };
    const stale = assignSlots([member('a', 5, [0, 1]), member('b', 4, [0, 1, 2, 3])], 4);
    expect([...stale.values()].flat().sort()).toEqual([0, 1, 2, 3]);
    const disputed = assignSlots([member('a', 5, [0, 1]), member('b', 5, [1, 2])], 4);
    expect([...disputed.values()].flat().sort()).toEqual([0, 1, 2, 3]);
    expect(disputed.get('a')).toContain(0);
  });

  test('however members come and go, a slot never has two holders and all are shared in the end', () => {
    const step = fc.record({
      kind: fc.constantFrom('join', 'leave', 'rebalance'),
      member: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), fc.array(step, { maxLength: 40 }), (slots, steps) => {
        const group = new Group(slots);
        for (const { kind, member } of steps) {
          if (kind === 'join' && !group.held.has(member)) group.join(member);
          else if (kind === 'leave') group.leave(member);
          else if (group.held.size > 0) group.rebalance();
        }
        group.settle();
        if (group.held.size > 0) group.expectShared();
      }),
      { numRuns: 500 },
    );
  });
});
