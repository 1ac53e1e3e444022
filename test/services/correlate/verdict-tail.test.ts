import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { reportIdSchema } from '../../../contracts/ids.ts';
import { revisionOf, type VerdictRecord } from '../../../contracts/records.ts';
import { VerdictTail } from '../../../services/correlate/verdict-tail.ts';
import { VerdictView } from '../../../services/correlate/verdict-view.ts';
import { decidedEntry, deviceA1, ecosystem, tenantA } from '../../support/entries.ts';

const blockOf = (revision: number, writer: string, threatName: string): VerdictRecord => ({
  kind: 'entry',
  subject: ecosystem,
  entry: decidedEntry(1, revision, ecosystem, { threatName }),
  origin: { tenantId: tenantA, deviceId: deviceA1, reportId: reportIdSchema.parse(deviceA1) },
  writer,
});
const nameOf = (record: VerdictRecord | undefined) =>
  record?.kind === 'entry' ? record.entry.threatName : undefined;

/** A partition of `verdicts`, its owner, and a predecessor that was stalled with records on their way. */
class World {
  readonly log: VerdictRecord[] = [];
  readonly view = new VerdictView(10);
  readonly tail = new VerdictTail(this.view, 'owner', 0);
  /** On their way; each writer's land in order. */
  readonly sending: Record<'owner' | 'ghost', VerdictRecord[]> = { owner: [], ghost: [] };
  #decisions = 0;
  #read = 0;

  decide(): void {
    const revision = (this.#current() ?? 0) + 1;
    const record = blockOf(revision, 'owner', `owner ${(this.#decisions += 1)}`);
    this.view.apply(record);
    this.sending.owner.push(record);
  }

  land(writer: 'owner' | 'ghost'): void {
    const record = this.sending[writer].shift();
    if (record !== undefined) this.log.push(record);
  }

  read(): void {
    const records = this.log.slice(this.#read).map((value, index) => ({
      ...{ offset: this.#read + index, key: '', value, headers: {}, appendedAt: 0 },
    }));
    this.#read = this.log.length;
    this.tail.take(records, this.#read);
    this.sending.owner.push(...this.tail.repairs());
  }

  settle(): void {
    while (this.sending.ghost.length > 0) this.land('ghost');
    for (let round = 0; this.sending.owner.length > 0 || this.#read < this.log.length; round += 1) {
      expect(round).toBeLessThan(50);
      this.read();
      while (this.sending.owner.length > 0) this.land('owner');
    }
  }

  /** What a reader holds who read all of it: the first of a revision, and only what is higher. */
  static held(log: readonly VerdictRecord[]): VerdictRecord | undefined {
    let held: VerdictRecord | undefined;
    for (const record of log)
      if (held === undefined || revisionOf(record).revision > revisionOf(held).revision) held = record;
    return held;
  }

  /** What the owner counts from. */
  get owners(): VerdictRecord | undefined {
    const { ecosystem: record } = this.view.standing(decidedEntry(1).key, tenantA, deviceA1, 0);
    return record ?? undefined;
  }

  #current(): number | undefined {
    return this.owners === undefined ? undefined : revisionOf(this.owners).revision;
  }
}

describe('the tail of an owner', () => {
  test('a stale record that landed first is overruled by a higher revision of what the owner decided', () => {
    const world = new World();
    world.decide();
    world.log.push(blockOf(1, 'ghost', 'ghost'));
    world.settle();
    expect(nameOf(World.held(world.log))).toBe('owner 1');
    expect(revisionOf(world.log.at(-1) ?? blockOf(0, '', '')).revision).toBe(2);
  });

  test('a stale record that landed last does not stay the last of its key', () => {
    const world = new World();
    world.decide();
    world.settle();
    world.log.push(blockOf(1, 'ghost', 'ghost'));
    world.settle();
    expect(nameOf(world.log.at(-1))).toBe('owner 1');
  });

  test('a record that is news is taken up, and numbered on from', () => {
    const world = new World();
    world.log.push(blockOf(3, 'ghost', 'ghost'));
    world.settle();
    expect(nameOf(world.owners)).toBe('ghost');
    world.decide();
    world.settle();
    expect(revisionOf(world.log.at(-1) ?? blockOf(0, '', '')).revision).toBe(4);
  });

  test('its own records, also twice, owe nothing', () => {
    const world = new World();
    world.decide();
    world.settle();
    world.log.push(...world.log);
    world.settle();
    expect(world.log).toHaveLength(2);
  });

  test('whatever lands when, the owner, every reader, and a reader after compaction agree in the end', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('decide', 'land owner', 'land ghost', 'read') },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world = new World();
        for (const each of steps) {
          if (typeof each === 'number') world.sending.ghost.push(blockOf(each, 'ghost', `ghost ${each}`));
          else if (each === 'decide') world.decide();
          else if (each === 'land owner') world.land('owner');
          else if (each === 'land ghost') world.land('ghost');
          else world.read();
        }
        world.settle();
        const owners = nameOf(world.owners);
        expect(nameOf(World.held(world.log))).toBe(owners);
        // Compaction leaves the last record of the key.
        expect(nameOf(world.log.at(-1))).toBe(owners);
      }),
      { numRuns: 2000 },
    );
  });
});
