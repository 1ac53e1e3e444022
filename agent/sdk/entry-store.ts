import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import { entryId } from '../../contracts/canonical.ts';
import type { Entry } from '../../contracts/entry.ts';
import type { StateChange } from '../../engine/stream/change.ts';
import {
  digestText,
  emptyDigest,
  withEntry,
  withoutEntry,
  type StateDigest,
} from '../../engine/stream/digest.ts';
import { entryLines, EntryTable } from '../../engine/stream/entry-table.ts';
import { EntryFile, EntryFileDraft, readEntryFile, type Owner, type StatePosition } from './entry-file.ts';

export type { Owner, StatePosition } from './entry-file.ts';

/** Whether a state is what the service says that it must be. */
export type Agreement = 'agrees' | 'differs';

export interface EntryStoreOptions {
  readonly path: string;
  readonly owner: Owner;
  /** Looks without touching: for a second process beside the one that follows the stream. */
  readonly readOnly?: boolean;
  /** The journal may grow to this, and to the size of the state, before the file is written anew. */
  readonly journalBytes?: number;
}

const mebibyte = 1024 * 1024;
/** What an entry takes in the file, about. */
const entryBytes = 550;

/**
 * All entries of a device, in memory and on disk: empty (no position) → following (each flush is one step). When a flush does not
 * add up it goes to doubtful (no position, memory ahead of the disk): what is known stays in force until a whole new
 * state replaces it. Expired entries stay until the service takes them out; whoever acts passes over them.
 *
 * One writer: calls that change it must not overlap.
 */
export class EntryStore {
  readonly #options: EntryStoreOptions;
  #table = new EntryTable();
  #digest: StateDigest = emptyDigest;
  /** Own entries by artifact; the ids of decided ones follow from the artifact. */
  #own = new Map<string, Set<string>>();
  #position: StatePosition | null = null;
  #file: EntryFile | undefined;

  private constructor(options: EntryStoreOptions) {
    this.#options = options;
  }

  /** Reads what is on disk; what a crash left half written is cut off. */
  static async open(options: EntryStoreOptions): Promise<EntryStore> {
    const store = new EntryStore(options);
    const { path, owner, readOnly = false } = options;
    if (!readOnly) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const wholeBytes = await readEntryFile(path, owner, {
      entry: (data) => store.#change({ event: 'entry', data }),
      flush: (changes, position) => {
        for (const change of changes) store.#change(change);
        store.#position = position;
      },
    });
    if (!store.#agreesWith(store.#position)) store.#clear();
    else if (wholeBytes > 0 && !readOnly) store.#file = await EntryFile.resume(path, wholeBytes);
    return store;
  }

  /** Null: a snapshot must be taken. */
  get position(): StatePosition | null {
    return this.#position;
  }

  get size(): number {
    return this.#table.size;
  }

  /** @returns every entry of the artifact, expired ones included */
  entriesOf(key: ArtifactKey): readonly Entry[] {
    const { tenantId, deviceId } = this.#options.owner;
    const ids = [
      entryId(key, 'ecosystem', { tenantId: null, deviceId: null }),
      entryId(key, 'tenant', { tenantId, deviceId: null }),
      entryId(key, 'device', { tenantId, deviceId }),
      ...(this.#own.get(key) ?? []),
    ];
    return ids.flatMap((id) => {
      const held = this.#table.get(id);
      return held?.event === 'entry' ? [held.data] : [];
    });
  }

  /**
   * One flush: in force at once, durable when it resolves. When it does not add up to the position, it is in force all
   * the same and the position is gone. Rejects where the disk fails: in force and resumable all the same, until the
   * process ends.
   */
  async apply(changes: readonly StateChange[], position: StatePosition): Promise<Agreement> {
    if (this.#position === null) throw new Error('There is no state to go on from: take a snapshot first.');
    for (const change of changes) this.#change(change);
    if (!this.#agreesWith(position)) {
      this.#position = null;
      return 'differs';
    }
    this.#position = position;
    await this.#persist(changes, position);
    return 'agrees';
  }

  /** The state is still what it was, under a new cursor. */
  async renew(position: StatePosition): Promise<Agreement> {
    if (!this.#agreesWith(position)) return 'differs';
    this.#position = position;
    await this.#persist([], position);
    return 'agrees';
  }

  /** The cursor is no good any more; the entries stay in force until a snapshot replaces them. */
  forgetPosition(): void {
    this.#position = null;
  }

  /** Count and digest of what is held, whether or not a cursor goes with it. */
  get summary(): Pick<StatePosition, 'count' | 'digest'> {
    return { count: this.#digest.count, digest: digestText(this.#digest) };
  }

  /**
   * Replaces everything by a snapshot. Until its end has been read and adds up, nothing changes, in memory or on disk.
   *
   * @param read passes on each entry and returns the end of the snapshot, null where it was cut
   */
  async replace(
    read: (add: (entry: Entry) => Promise<void>) => Promise<StatePosition | null>,
  ): Promise<Agreement> {
    const next = new EntryStore(this.#options);
    const draft = await EntryFileDraft.create(this.#options.path, this.#options.owner);
    try {
      const position = await read(async (entry) => {
        next.#change({ event: 'entry', data: entry });
        await draft.add(JSON.stringify(entry));
      });
      if (position === null || !next.#agreesWith(position)) {
        await draft.discard();
        return 'differs';
      }
      const file = await draft.commit(position);
      await this.#file?.close();
      this.#file = file;
      this.#table = next.#table;
      this.#digest = next.#digest;
      this.#own = next.#own;
      this.#position = position;
      return 'agrees';
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }

  /** Gives up every entry, on disk too. */
  async purge(): Promise<void> {
    this.#clear();
    await this.close();
    await rm(this.#options.path, { force: true });
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  #change(change: StateChange): void {
    const { id } = change.data;
    const held = this.#table.get(id);
    if (held?.event === 'entry') {
      this.#digest = withoutEntry(this.#digest, held.data);
      if (held.data.source === 'own') this.#own.get(held.data.key)?.delete(id);
    }
    if (change.event === 'revocation') {
      this.#table.remove(id);
      return;
    }
    this.#table.put(change);
    this.#digest = withEntry(this.#digest, change.data);
    if (change.data.source === 'own') {
      const ids = this.#own.get(change.data.key) ?? new Set<string>();
      this.#own.set(change.data.key, ids.add(id));
    }
  }

  #agreesWith(position: StatePosition | null): boolean {
    const { count, digest } = this.summary;
    return position?.count === count && position.digest === digest;
  }

  #clear(): void {
    this.#table = new EntryTable();
    this.#digest = emptyDigest;
    this.#own = new Map();
    this.#position = null;
  }

  /** Appends to the file, or writes it anew where there is none, it has grown, or the last write failed in the middle. */
  async #persist(changes: readonly StateChange[], position: StatePosition): Promise<void> {
    const { journalBytes = mebibyte } = this.#options;
    const file = this.#file;
    if (file === undefined || file.appendedBytes > Math.max(journalBytes, this.size * entryBytes)) {
      await this.#writeAnew(position);
      return;
    }
    this.#file = undefined;
    try {
      await file.append(changes, position);
      this.#file = file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #writeAnew(position: StatePosition): Promise<void> {
    const draft = await EntryFileDraft.create(this.#options.path, this.#options.owner);
    try {
      for (const chunk of this.#table.freeze()) {
        for (const json of entryLines(chunk)) await draft.add(json);
      }
      const file = await draft.commit(position);
      await this.#file?.close();
      this.#file = file;
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }
}
