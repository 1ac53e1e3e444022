/** A member as it joins: what it wants, and which slots it holds from the generation before. */
export interface Candidate {
  readonly memberId: string;
  readonly topics: readonly string[];
  /** The last generation in which it was given its slots; another one's claims are void. */
  readonly generation: number;
  readonly slots: readonly number[];
}

/**
 * Shares out slots: slot p is partition p of every topic of the group, so topics that are split alike meet in one
 * member. Members hold as many as any other, or one less; a slot moves only where that asks for it.
 *
 * A slot that moves is given to nobody until its old holder has let go of it and joined again: then nobody else can
 * have begun before the last handler has returned and the last offset is committed.
 *
 * @param slots how many there are
 * @returns the slots of each member, ascending
 */
export function assignSlots(
  candidates: readonly Candidate[],
  slots: number,
): ReadonlyMap<string, readonly number[]> {
  const held = holdersOf(candidates, slots);
  const wanted = share(candidates, slots, held);
  return new Map(
    [...wanted].map(([memberId, mine]) => [
      memberId,
      mine.filter((slot) => (held.get(slot) ?? memberId) === memberId).sort((a, b) => a - b),
    ]),
  );
}

/** Claims of the newest generation count. Two of one slot cannot be true: then neither is. */
function holdersOf(candidates: readonly Candidate[], slots: number): ReadonlyMap<number, string> {
  const newest = Math.max(...candidates.map(({ generation }) => generation));
  const holders = new Map<number, string>();
  const disputed = new Set<number>();
  for (const { memberId, generation, slots: claimed } of candidates) {
    if (generation !== newest) continue;
    for (const slot of claimed) {
      if (slot >= slots) continue;
      if (holders.has(slot)) disputed.add(slot);
      holders.set(slot, memberId);
    }
  }
  for (const slot of disputed) holders.delete(slot);
  return holders;
}

/** Each keeps of what it holds as much as its share, those who hold most have the larger shares; the rest goes to who has least. */
function share(
  candidates: readonly Candidate[],
  slots: number,
  holders: ReadonlyMap<number, string>,
): ReadonlyMap<string, number[]> {
  const mine = (memberId: string) => [...holders].filter(([, holder]) => holder === memberId);
  const members = candidates
    .map(({ memberId }) => ({ memberId, held: mine(memberId).map(([slot]) => slot) }))
    .sort((a, b) => b.held.length - a.held.length || (a.memberId < b.memberId ? -1 : 1));
  const [least, extra] = [Math.floor(slots / members.length), slots % members.length];
  const shares = members.map(({ memberId, held }, rank) => {
    const size = least + (rank < extra ? 1 : 0);
    return { memberId, size, kept: held.sort((a, b) => a - b).slice(0, size) };
  });
  const taken = new Set(shares.flatMap(({ kept }) => kept));
  const free = Array.from({ length: slots }, (_, slot) => slot).filter((slot) => !taken.has(slot));
  return new Map(
    shares.map(({ memberId, size, kept }) => [memberId, [...kept, ...free.splice(0, size - kept.length)]]),
  );
}
