import type { ArtifactKey } from '../../contracts/artifact.ts';
import { subjectKey, type Subject } from '../../contracts/canonical.ts';
import type { DecidedEntry } from '../../contracts/entry.ts';
import type { EntryId } from '../../contracts/ids.ts';
import { EntryForms, joinChange, splitChange, type EntryForm } from '../../engine/stream/entry-form.ts';

interface Packed {
  readonly id: EntryId;
  readonly revision: number;
  readonly decidedAtMs: number;
  readonly expiresAtMs: number;
  readonly form: EntryForm;
}

/**
 * "No threats found" by artifact and subject, the least recently used forgotten first: what falls out is judged again.
 * About 300 bytes each, as entries that differ only in key and times share their form.
 */
export class AnswerCache {
  readonly #most: number;
  readonly #forms = new EntryForms();
  readonly #answers = new Map<string, Packed>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#answers.size;
  }

  put(subject: Subject, entry: DecidedEntry): void {
    const change = { event: 'entry', data: entry } as const;
    const { varying, content } = splitChange(change);
    const { id, revision, decidedAtMs, expiresAtMs } = varying;
    const form = this.#forms.of(change, content);
    const name = nameOf(entry.key, subject);
    this.#answers.delete(name);
    this.#answers.set(name, { id, revision, decidedAtMs, expiresAtMs, form });
    if (this.#answers.size <= this.#most) return;
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest);
      return;
    }
  }

  /** @param nowMs milliseconds since 1970 */
  find(key: ArtifactKey, subject: Subject, nowMs: number): DecidedEntry | null {
    const name = nameOf(key, subject);
    const packed = this.#answers.get(name);
    if (packed === undefined) return null;
    this.#answers.delete(name);
    if (packed.expiresAtMs <= nowMs) return null;
    this.#answers.set(name, packed);
    const { form, ...varying } = packed;
    const change = joinChange({ ...varying, key }, form);
    return change.event === 'entry' && change.data.source === 'decision' ? change.data : null;
  }

  forget(key: ArtifactKey, subject: Subject): void {
    this.#answers.delete(nameOf(key, subject));
  }
}

function nameOf(key: ArtifactKey, subject: Subject): string {
  return `${key} ${subjectKey(subject)}`;
}
