/** Something that a process starts in order and stops in reverse. `start` resolves when it works; `stop` when it let go of everything. */
export interface Part {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Why it cannot serve right now, in a sentence; null when it can. Cheap: readiness probes call it. */
  unready?(): string | null;
}
