import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { entrySchema } from '../../../contracts/entry.ts';
import type { StateChange } from '../../../engine/stream/change.ts';
import { entryLines, EntryTable } from '../../../engine/stream/entry-table.ts';
import { anyDecidedEntry, decidedEntry, ownEntry, revocationOf } from '../../support/entries.ts';

type Step = { readonly put: StateChange } | { readonly remove: string };

const anyStep: fc.Arbitrary<Step> = anyDecidedEntry.chain((entry) =>
  fc.constantFrom<Step>(
    { put: { event: 'entry', data: entry } },
    { put: { event: 'revocation', data: revocationOf(entry) } },
    { remove: entry.id },
  ),
);

describe('entry table', () => {
  test('holds what a map holds, whatever is put and removed', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        const table = new EntryTable();
        const model = new Map<string, StateChange>();
        for (const step of steps) {
          if ('put' in step) {
            table.put(step.put);
            model.set(step.put.data.id, step.put);
          } else {
            expect(table.remove(step.remove)).toBe(model.delete(step.remove));
          }
          expect(table.size).toBe(model.size);
        }
        for (const step of steps) {
          const id = 'put' in step ? step.put.data.id : step.remove;
          expect(table.get(id)).toEqual(model.get(id));
        }
      }),
    );
  });

  test('its JSON is the entry or the revocation', () => {
    const table = new EntryTable();
    const changes = [decidedEntry(1, 7), decidedEntry(4), ownEntry(2), ownEntry(3, 2, { action: 'block' })];
    for (const data of changes) table.put({ event: 'entry', data });
    for (const data of changes) expect(JSON.parse(table.held(data.id)?.json ?? '')).toEqual(data);
    const revocation = revocationOf(decidedEntry(4));
    table.put({ event: 'revocation', data: revocation });
    expect(JSON.parse(table.held(revocation.id)?.json ?? '')).toEqual(revocation);
  });

  test('a frozen table does not change any more', () => {
    const table = new EntryTable();
    for (let number = 0; number < 3000; number += 1)
      table.put({ event: 'entry', data: decidedEntry(number) });
    const frozen = table.freeze();
    const before = frozen.flatMap(entryLines);
    for (let number = 0; number < 3000; number += 7) table.remove(decidedEntry(number).id);
    for (let number = 1; number < 6000; number += 7)
      table.put({ event: 'entry', data: decidedEntry(number, 2) });
    expect(frozen.flatMap(entryLines)).toEqual(before);
    expect(before.map((line) => entrySchema.parse(JSON.parse(line)).revision)).toEqual(Array(3000).fill(1));
  });

  test('names the rows touched since a cursor, in their present state', () => {
    const table = new EntryTable();
    for (let number = 0; number < 2500; number += 1) {
      table.put({ event: 'entry', data: decidedEntry(number) }, { partition: number % 2, offset: number });
    }
    table.put({ event: 'entry', data: decidedEntry(10, 2) }, { partition: 0, offset: 2500 });
    const touched = table.touchedBetween([2498, 2499], [2501, 2501]);
    expect(touched.map(({ id, revision }) => ({ id, revision }))).toEqual([
      { id: decidedEntry(10).id, revision: 2 },
      { id: decidedEntry(2498).id, revision: 1 },
      { id: decidedEntry(2499).id, revision: 1 },
    ]);
    expect(table.touchedBetween([2501, 2501], [9000, 9000])).toEqual([]);
  });

  test('an id that has ended takes any revision again', () => {
    const table = new EntryTable();
    table.put({ event: 'revocation', data: revocationOf(decidedEntry(1, 4)) });
    expect(table.revisionOf(decidedEntry(1).id)).toBe(5);
    table.end(decidedEntry(1).id);
    expect(table.revisionOf(decidedEntry(1).id)).toBeUndefined();
    table.put({ event: 'entry', data: decidedEntry(1, 1) });
    expect(table.revisionOf(decidedEntry(1).id)).toBe(1);
  });

  test('leaves out what only the reporting device may see', () => {
    const table = new EntryTable();
    const entry = { ...decidedEntry(1), target: { process: { entity_id: 'secret-process' } } };
    table.put({ event: 'entry', data: entry });
    expect(table.held(entry.id)?.json).not.toContain('secret-process');
  });
});
