import { entrySchema, type Entry } from '../../contracts/entry.ts';
import { snapshotEndSchema } from '../../contracts/stream.ts';
import type { StatePosition } from './entry-file.ts';
import { FrameError } from './stream-frames.ts';

/**
 * Reads a snapshot line by line.
 *
 * @returns the end that closes it; null where it was cut before
 * @throws FrameError on a line that is neither an entry nor the end
 */
export async function readSnapshot(
  body: AsyncIterable<Uint8Array>,
  add: (entry: Entry) => Promise<void>,
): Promise<StatePosition | null> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const json = parseLine(line);
      const entry = entrySchema.safeParse(json);
      if (entry.success) {
        await add(entry.data);
        continue;
      }
      const end = snapshotEndSchema.safeParse(json);
      if (end.success) return end.data.end;
      throw new FrameError('A line of the snapshot is neither an entry nor its end.');
    }
  }
  return null;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new FrameError('A line of the snapshot is not JSON.', { cause });
  }
}
