import type { Partition } from './partition.ts';
import type { RecordPage } from './partition-reader.ts';

/** Reads a page; undefined when the database is away. Says where the page ends as soon as it knows. */
export type LoadPage = (
  partition: Partition,
  from: number,
  endsAt: (end: number) => void,
) => Promise<RecordPage | undefined>;

interface Entry {
  readonly page: Promise<RecordPage | undefined>;
  readonly forget: () => void;
  isWanted: boolean;
  end: number | undefined;
}

/** One and its successor for each of sixteen readers, about 16 MiB while they catch up. */
const mostPages = 32;
/** How long a page waits for somebody to want it, and for others to want it too: what lives long is dear to collect. */
const unwantedMs = 5_000;
const wantedMs = 50;

/**
 * The pages read last, and for each that somebody wanted the one after it, which the database reads while that one is
 * handled. Readers that catch up over the same records, as all groups of a topic do after a start, read them from the
 * database once. What lies at an offset never changes, so a page is never wrong, only shorter than it could be by now.
 */
export class PageCache {
  readonly #load: LoadPage;
  readonly #entries = new Map<string, Entry>();

  constructor(load: LoadPage) {
    this.#load = load;
  }

  async get(partition: Partition, from: number): Promise<RecordPage | undefined> {
    const entry = this.#entry(partition, from);
    if (entry.isWanted) return entry.page;
    entry.isWanted = true;
    if (entry.end !== undefined) this.#prefetch(partition, from, entry.end);
    const page = await entry.page;
    setTimeout(entry.forget, wantedMs).unref();
    return page;
  }

  #entry(partition: Partition, from: number): Entry {
    const key = `${partition.topicId}/${partition.index}/${from}`;
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const endsAt = (end: number): void => {
      entry.end = end;
      if (entry.isWanted) this.#prefetch(partition, from, end);
    };
    const forget = (): void => {
      clearTimeout(timer);
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
    const entry: Entry = {
      page: this.#load(partition, from, endsAt),
      forget,
      isWanted: false,
      end: undefined,
    };
    this.#entries.set(key, entry);
    const timer = setTimeout(forget, unwantedMs).unref();
    // Whoever asks for the page meets its failure; it is not kept for the next one.
    entry.page.then((page) => page?.records.length || forget(), forget);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= mostPages) break;
      this.#entries.delete(oldest);
    }
    return entry;
  }

  #prefetch(partition: Partition, from: number, end: number): void {
    if (end > from && end < partition.end) this.#entry(partition, end);
  }
}
