import type { StoredCommit } from './batch-store.ts';

/** Commits that wait for a flush or are in one; several of one partition are one row, the last of them. */
export interface WaitingCommit {
  readonly commit: StoredCommit;
  readonly settle: readonly { readonly resolve: () => void; readonly reject: (error: unknown) => void }[];
}

/** The offsets that groups have committed, and those that are on their way. */
export class GroupOffsets {
  readonly #committed = new Map<string, number>();
  #waiting = new Map<string, WaitingCommit>();

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** @returns what is durable, or null */
  committed(group: string, topicId: number, partition: number): number | null {
    return this.#committed.get(keyOf(group, topicId, partition)) ?? null;
  }

  /** Resolves when a flush has taken it along. */
  async add(commit: StoredCommit): Promise<void> {
    return new Promise((resolve, reject) => {
      const key = keyOf(commit.group, commit.topicId, commit.partition);
      const settle = [...(this.#waiting.get(key)?.settle ?? []), { resolve, reject }];
      this.#waiting.set(key, { commit, settle });
    });
  }

  take(): readonly WaitingCommit[] {
    const taken = [...this.#waiting.values()];
    this.#waiting = new Map();
    return taken;
  }

  /** Says that these are durable. */
  apply(commits: readonly StoredCommit[]): void {
    for (const { group, topicId, partition, offset } of commits)
      this.#committed.set(keyOf(group, topicId, partition), offset);
  }
}

function keyOf(group: string, topicId: number, partition: number): string {
  return `${topicId}/${partition}/${group}`;
}
