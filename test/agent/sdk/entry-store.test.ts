import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EntryStore, type StatePosition } from '../../../agent/sdk/entry-store.ts';
import type { Entry } from '../../../contracts/entry.ts';
import { cursorSchema } from '../../../contracts/stream.ts';
import type { StateChange } from '../../../engine/stream/change.ts';
import { digestText, emptyDigest, withEntry } from '../../../engine/stream/digest.ts';
import {
  decidedEntry,
  deviceA1,
  deviceA2,
  ownEntry,
  revocationOf,
  sampleKey,
  tenantA,
} from '../../support/entries.ts';

const owner = { tenantId: tenantA, deviceId: deviceA1 };
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-entries-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function positionOf(entries: Iterable<Entry>, cursor: string): StatePosition {
  const digest = [...entries].reduce(withEntry, emptyDigest);
  return { cursor: cursorSchema.parse(cursor), count: digest.count, digest: digestText(digest) };
}

/** A store and what it must hold after each flush. */
class Scripted {
  readonly states: { readonly position: StatePosition; readonly ids: readonly string[] }[] = [];
  readonly #held = new Map<string, Entry>();
  readonly #store: EntryStore;

  constructor(store: EntryStore) {
    this.#store = store;
  }

  async snapshot(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) this.#held.set(entry.id, entry);
    const position = this.#note('snapshot');
    await this.#store.replace(async (add) => {
      for (const entry of entries) await add(entry);
      return position;
    });
  }

  async flush(cursor: string, changes: readonly StateChange[]): Promise<void> {
    for (const change of changes) {
      if (change.event === 'entry') this.#held.set(change.data.id, change.data);
      else this.#held.delete(change.data.id);
    }
    expect(await this.#store.apply(changes, this.#note(cursor))).toBe('agrees');
  }

  #note(cursor: string): StatePosition {
    const position = positionOf(this.#held.values(), cursor);
    this.states.push({ position, ids: [...this.#held.keys()].sort() });
    return position;
  }
}

const entry = (data: Entry): StateChange => ({ event: 'entry', data });
const gone = (data: Entry): StateChange => ({ event: 'revocation', data: revocationOf(data) });

async function script(path: string): Promise<Scripted> {
  const store = await EntryStore.open({ path, owner });
  const scripted = new Scripted(store);
  await scripted.snapshot([decidedEntry(1), decidedEntry(2), ownEntry(3)]);
  await scripted.flush('one', [gone(decidedEntry(1)), entry(decidedEntry(4))]);
  await scripted.flush('two', []);
  await scripted.flush('three', [entry(decidedEntry(2, 2)), gone(ownEntry(3))]);
  await store.close();
  return scripted;
}

describe('entry store', () => {
  test('survives a death at any byte with a state that was, never half of one', async () => {
    const path = join(folder, 'any-byte');
    const { states } = await script(path);
    const whole = readFileSync(path);
    const cutPath = join(folder, 'cut');
    const found = new Set<string>();
    const nearLineEnd = (at: number): boolean => whole.subarray(Math.max(0, at - 3), at + 3).includes(10);
    for (let length = 0; length <= whole.length; length += 1) {
      if (length % 13 !== 0 && !nearLineEnd(length)) continue;
      writeFileSync(cutPath, whole.subarray(0, length));
      const store = await EntryStore.open({ path: cutPath, owner });
      const state = states.find(({ position }) => position.cursor === store.position?.cursor);
      expect({ position: store.position, size: store.size }).toEqual({
        position: state?.position ?? null,
        size: state?.ids.length ?? 0,
      });
      found.add(store.position?.cursor ?? 'none');
      await store.close();
    }
    expect([...found]).toEqual(['none', 'snapshot', 'one', 'two', 'three']);
  });

  test('goes on after a torn write, and the next start knows what came then', async () => {
    const path = join(folder, 'torn');
    const { states } = await script(path);
    appendFileSync(path, 'deadbeef {"changes":[{"eve');
    const store = await EntryStore.open({ path, owner });
    expect(store.position).toEqual(states.at(-1)?.position);
    const next = positionOf([decidedEntry(4), decidedEntry(2, 2), decidedEntry(5)], 'four');
    await store.apply([entry(decidedEntry(5))], next);
    await store.close();
    const again = await EntryStore.open({ path, owner });
    expect(again.position).toEqual(next);
    await again.close();
  });

  test('a byte that was changed on disk is not believed', async () => {
    const path = join(folder, 'flipped');
    await script(path);
    const bytes = readFileSync(path);
    const middle = bytes.indexOf('block-and-remediate');
    bytes[middle] = 'c'.charCodeAt(0);
    writeFileSync(path, bytes);
    const store = await EntryStore.open({ path, owner });
    expect({ position: store.position, size: store.size }).toEqual({ position: null, size: 0 });
    await store.close();
  });

  test('another device’s file is not believed', async () => {
    const path = join(folder, 'foreign');
    await script(path);
    const store = await EntryStore.open({ path, owner: { tenantId: tenantA, deviceId: deviceA2 } });
    expect(store.position).toBeNull();
    await store.close();
  });

  test('finds all entries of an artifact: everybody’s, the tenant’s, the device’s, own ones', async () => {
    const store = await EntryStore.open({ path: join(folder, 'lookup'), owner });
    const entries = [
      decidedEntry(1),
      decidedEntry(1, 1, { tenantId: tenantA, deviceId: null }),
      decidedEntry(1, 1, owner),
      ownEntry(1),
      decidedEntry(2),
    ];
    await store.replace(async (add) => {
      for (const data of entries) await add(data);
      return positionOf(entries, 'c');
    });
    expect(store.entriesOf(sampleKey(1))).toEqual(entries.slice(0, 4));
    await store.apply([gone(ownEntry(1))], positionOf([...entries.slice(0, 3), decidedEntry(2)], 'd'));
    expect(store.entriesOf(sampleKey(1))).toEqual(entries.slice(0, 3));
    await store.close();
  });

  test('a flush that does not add up is in force, and asks for a snapshot', async () => {
    const path = join(folder, 'differs');
    const store = await EntryStore.open({ path, owner });
    await store.replace(async () => positionOf([], 'empty'));
    expect(await store.apply([entry(decidedEntry(1))], positionOf([decidedEntry(2)], 'wrong'))).toBe(
      'differs',
    );
    expect(store.position).toBeNull();
    expect(store.entriesOf(sampleKey(1))).toHaveLength(1);
    await store.close();
    const again = await EntryStore.open({ path, owner });
    expect(again.position?.cursor).toBe('empty');
    await again.close();
  });

  test('a snapshot that was cut or does not add up changes nothing', async () => {
    const path = join(folder, 'cut-snapshot');
    const { states } = await script(path);
    const store = await EntryStore.open({ path, owner });
    const before = readFileSync(path);
    expect(await store.replace(async () => null)).toBe('differs');
    const addOne = async (add: (data: Entry) => Promise<void>) => {
      await add(decidedEntry(9));
      return positionOf([decidedEntry(8)], 'wrong');
    };
    expect(await store.replace(addOne)).toBe('differs');
    await expect(store.replace(() => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
    expect(store.position).toEqual(states.at(-1)?.position);
    expect(readFileSync(path)).toEqual(before);
    expect(existsSync(`${path}.new`)).toBe(false);
    await store.close();
  });

  test('writes the file anew when its journal has grown, and loses nothing by it', async () => {
    const path = join(folder, 'compacted');
    const store = await EntryStore.open({ path, owner, journalBytes: 4096 });
    const scripted = new Scripted(store);
    await scripted.snapshot([]);
    const sizes: number[] = [];
    for (let number = 0; number < 60; number += 1) {
      await scripted.flush(`c${number}`, [entry(decidedEntry(number % 3, number + 1))]);
      sizes.push(readFileSync(path).length);
    }
    await store.close();
    expect(Math.max(...sizes)).toBeLessThan(10_000);
    const again = await EntryStore.open({ path, owner });
    expect(again.position).toEqual(scripted.states.at(-1)?.position);
    await again.close();
  });

  test('a reader beside the writer sees a whole state and touches nothing', async () => {
    const path = join(folder, 'beside');
    const { states } = await script(path);
    const copy = join(folder, 'beside-copy');
    copyFileSync(path, copy);
    appendFileSync(copy, 'half a li');
    const before = readFileSync(copy);
    const store = await EntryStore.open({ path: copy, owner, readOnly: true });
    expect(store.position).toEqual(states.at(-1)?.position);
    await store.close();
    expect(readFileSync(copy)).toEqual(before);
  });

  test('purges entries from memory and disk', async () => {
    const path = join(folder, 'purged');
    await script(path);
    const store = await EntryStore.open({ path, owner });
    await store.purge();
    expect({ size: store.size, onDisk: existsSync(path) }).toEqual({ size: 0, onDisk: false });
  });
});
