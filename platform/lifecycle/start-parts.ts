import type { Part } from './part.ts';

/** What a part says when it cannot serve right now. */
export interface Missing {
  readonly part: string;
  readonly why: string;
}

/** Parts that run. */
export interface Running {
  /** What keeps the process from serving; empty when it can. */
  missing(): readonly Missing[];
  /**
   * Stops in reverse order. A part that fails to stop does not keep the others running; rejects afterwards with what went wrong.
   * Called again, it returns the same promise.
   */
  stop(): Promise<void>;
}

/**
 * Parts in the order in which they start. As a generator, it goes on when the part it yielded runs, so a later part can
 * be made out of what an earlier one started.
 */
export type PartSequence = Iterable<Part> | AsyncIterable<Part>;

/**
 * Starts the parts one after the other. When one fails, or cannot be made, those that run are stopped in reverse and
 * the error is thrown as it was; errors of that undoing are lost to it, as they follow from the first.
 */
export async function startParts(parts: PartSequence): Promise<Running> {
  const started: Part[] = [];
  try {
    for await (const part of parts) {
      await part.start();
      started.push(part);
    }
  } catch (error) {
    await stopInReverse(started).catch(() => undefined);
    throw error;
  }
  let stopping: Promise<void> | null = null;
  return {
    missing: () => missingParts(started),
    stop: () => (stopping ??= stopInReverse(started)),
  };
}

/** @returns the parts that cannot serve right now, with what each says */
export function missingParts(parts: readonly Part[]): readonly Missing[] {
  return parts.flatMap((part) => {
    const why = part.unready?.() ?? null;
    return why === null ? [] : [{ part: part.name, why }];
  });
}

async function stopInReverse(parts: readonly Part[]): Promise<void> {
  const errors: unknown[] = [];
  for (const part of parts.toReversed()) {
    try {
      await part.stop();
    } catch (cause) {
      errors.push(new Error(`The part ${part.name} did not stop`, { cause }));
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'Some parts did not stop');
}
