import { hash } from 'node:crypto';
import { FolderFiles, type FolderFile } from '../folder-files.ts';
import { addressNumber, networkKey } from './address.ts';
import { parseList, type ParsedList, type RejectedLine, type ReputationList } from './parse-list.ts';

export interface LoadedLists {
  readonly lists: readonly ReputationList[];
  readonly rejected: readonly RejectedLine[];
  /** SHA-256 over every file that was read; changes whenever an answer could. */
  readonly digest: string;
}

export const maximalListFiles = 1000;
export const maximalListBytes = 33_554_432;

/** Folders of reputation lists, `*.list`, that can be read again and again. */
export class ListFolders {
  readonly #files: FolderFiles<ParsedList>;
  #read: readonly FolderFile<ParsedList>[] = [];
  #loaded: LoadedLists = { lists: [], rejected: [], digest: '' };

  constructor(folders: readonly string[]) {
    this.#files = new FolderFiles({
      folders,
      pattern: /\.list$/iu,
      ...{ holds: 'reputation list', settings: 'FIREBREAK_REPUTATION_DIRS' },
      ...{ maximalFiles: maximalListFiles, maximalFileBytes: maximalListBytes },
      parse: parseList,
      tooLarge: (path, reason) => ({ list: null, rejected: [{ file: path, line: 1, reason }] }),
    });
  }

  /**
   * Reads what changed since the time before.
   * @returns the same object as the time before where no file changed
   * @throws FB_CONFIG_INVALID where a folder cannot be read; what was loaded before stays as it is
   */
  async load(): Promise<LoadedLists> {
    const files = await this.#files.load();
    if (files === this.#read) return this.#loaded;
    this.#read = files;
    this.#loaded = {
      lists: files.flatMap(({ read }) => read.list ?? []),
      rejected: files.flatMap(({ read }) => read.rejected),
      digest: hash('sha256', files.flatMap(({ name, digest }) => [name, digest]).join('\0')),
    };
    return this.#loaded;
  }
}

/** @param nowMs epoch milliseconds @returns the lists that still say something */
export function listsInForce(
  { lists }: Pick<LoadedLists, 'lists'>,
  nowMs: number,
): readonly ReputationList[] {
  return lists.filter(({ expiresMs }) => nowMs < expiresMs);
}

export interface ListHit {
  readonly list: ReputationList;
  /** The entry that matched, or the address for a network. */
  readonly entry: string;
}

/** @param host canonical form of a domain or an address @returns the first list that names it, or a name or network above it */
export function findHost(lists: readonly ReputationList[], host: string): ListHit | undefined {
  for (const list of lists) {
    const entry = isAddress(host) ? addressIn(list, host) : domainIn(list, host);
    if (entry !== undefined) return { list, entry };
  }
  return undefined;
}

/** @param url canonical form */
export function findUrl(lists: readonly ReputationList[], url: string): ListHit | undefined {
  const list = lists.find(({ urls }) => urls.has(url));
  return list && { list, entry: url };
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host);
}

function domainIn({ domains }: ReputationList, host: string): string | undefined {
  for (let name = host; name !== ''; name = name.slice(name.indexOf('.') + 1)) {
    if (domains.has(name)) return name;
    if (!name.includes('.')) return undefined;
  }
  return undefined;
}

function addressIn({ networks, prefixes }: ReputationList, address: string): string | undefined {
  if (networks.size === 0) return undefined;
  const number = addressNumber(address);
  const isListed = prefixes[number.bits].some((prefix) => networks.has(networkKey(number, prefix)));
  return isListed ? address : undefined;
}
