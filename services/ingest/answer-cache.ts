import type { ArtifactKey } from '../../contracts/artifact.ts';
import { subjectKey, type Subject } from '../../contracts/canonical.ts';
import type { DecidedEntry } from '../../contracts/entry.ts';
import { EntryForms, joinChange, splitChange } from '../../engine/stream/entry-form.ts';

interface Answer {
  readonly entry: DecidedEntry;
  readonly expiresAtMs: number;
}

/**
 * "No threats found" by artifact and subject, the least recently used forgotten first: what falls out is judged again.
 * About 400 bytes each, as what entries have in common is held once.
 */
export class AnswerCache {
  readonly #most: number;
  readonly #forms = new EntryForms();
  readonly #answers = new Map<string, Answer>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#answers.size;
  }

  /** @throws RangeError as `splitChange` */
  put(subject: Subject, entry: DecidedEntry): void {
    const change = { event: 'entry', data: entry } as const;
    const { varying, content } = splitChange(change);
    const { data } = joinChange(varying, this.#forms.of(change, content));
    const name = nameOf(entry.key, subject);
    this.#answers.delete(name);
    this.#answers.set(name, { entry: data as DecidedEntry, expiresAtMs: varying.expiresAtMs });
    if (this.#answers.size <= this.#most) return;
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest);
      return;
    }
  }

  /** @param nowMs milliseconds since 1970 */
  find(key: ArtifactKey, subject: Subject, nowMs: number): DecidedEntry | null {
    const name = nameOf(key, subject);
    const answer = this.#answers.get(name);
    if (answer === undefined) return null;
    this.#answers.delete(name);
    if (answer.expiresAtMs <= nowMs) return null;
    this.#answers.set(name, answer);
    return answer.entry;
  }

  forget(key: ArtifactKey, subject: Subject): void {
    this.#answers.delete(nameOf(key, subject));
  }
}

function nameOf(key: ArtifactKey, subject: Subject): string {
  return `${key} ${subjectKey(subject)}`;
}
