import type { Part } from './part.ts';
import { Rounds } from './rounds.ts';

export interface FolderReloaderOptions<Loaded> {
  readonly name: string;
  /** What is read from folders; `reload` answers whether anything changed. */
  readonly source: { readonly reload: () => Promise<boolean>; readonly loaded: Loaded };
  readonly tell: {
    /** At start, and whenever changed files were put in force. */
    readonly loaded: (loaded: Loaded) => void;
    /** The folders could not be read; what was loaded is as it was. */
    readonly notLoaded: (error: unknown) => void;
  };
  readonly everyMs: number;
}

/**
 * Puts changed files of rules or lists in force while the service runs. It looks at the files instead of being told, because
 * mounted folders and replaced links tell nobody. A folder that cannot be read leaves what was loaded as it was.
 */
export class FolderReloader<Loaded> implements Part {
  readonly name: string;
  readonly #options: FolderReloaderOptions<Loaded>;
  readonly #rounds = new Rounds();
  /** What was told last, so that one mistake is one line in the log. */
  #told = '';

  constructor(options: FolderReloaderOptions<Loaded>) {
    this.name = options.name;
    this.#options = options;
  }

  start(): Promise<void> {
    const { source, tell, everyMs } = this.#options;
    tell.loaded(source.loaded);
    this.#rounds.start(() => this.#look(), everyMs);
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #look(): Promise<void> {
    const { source, tell } = this.#options;
    try {
      if (await source.reload()) tell.loaded(source.loaded);
      this.#told = '';
    } catch (error) {
      const text = String(error);
      if (text !== this.#told) tell.notLoaded(error);
      this.#told = text;
    }
  }
}
