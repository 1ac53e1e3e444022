type Labels<Label extends string> = Readonly<Record<Label, string>>;

/** What is counted until somebody asks: a sum for each combination of label values. */
export class Tally<Label extends string> {
  readonly #names: readonly Label[];
  readonly #sums = new Map<string, { readonly labels: Labels<Label>; sum: number }>();

  constructor(names: readonly Label[]) {
    this.#names = names;
  }

  add(labels: Labels<Label>, by: number): void {
    let place = '';
    for (const name of this.#names) place += `${labels[name]}\n`;
    const known = this.#sums.get(place);
    if (known === undefined) this.#sums.set(place, { labels, sum: by });
    else known.sum += by;
  }

  /** @returns what was counted since the last call */
  take(): readonly { readonly labels: Labels<Label>; readonly sum: number }[] {
    const taken = [...this.#sums.values()];
    this.#sums.clear();
    return taken;
  }
}
