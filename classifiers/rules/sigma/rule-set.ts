import type { Row } from './compile.ts';
import type { FieldValue, SigmaEvent } from './event.ts';
import { everyField } from './predicate.ts';
import { RuleGroup } from './rule-group.ts';
import type { LogSource, SigmaRule } from './rule.ts';

/** Rules compiled together. An answer depends on the event alone; nothing is read or written. */
export class RuleSet {
  readonly rules: readonly SigmaRule[];
  readonly #groups = new Map<string, RuleGroup>();
  /** The groups for a kind of event, found once: kinds are few, and events are many. */
  readonly #groupsOf = new Map<string, readonly RuleGroup[]>();

  constructor(rules: readonly SigmaRule[]) {
    this.rules = rules;
    const bySource = new Map<string, SigmaRule[]>();
    for (const rule of rules) {
      const key = sourceKey(rule.logSource);
      const members = bySource.get(key);
      if (members === undefined) bySource.set(key, [rule]);
      else members.push(rule);
    }
    for (const [key, members] of bySource) this.#groups.set(key, new RuleGroup(members));
  }

  /**
   * The rules that an event fulfils.
   * With `settled`, only those whose match no field outside that set could undo.
   */
  match(event: SigmaEvent, settled?: ReadonlySet<string>): readonly SigmaRule[] {
    const found: SigmaRule[] = [];
    for (const group of this.#groupsFor(event)) {
      const row = layOut(event, group);
      for (const candidate of group.candidates(row)) {
        if (!candidate.matches(row)) continue;
        if (settled === undefined || isSettled(candidate.absenceSensitive, settled))
          found.push(candidate.rule);
      }
    }
    return found;
  }

  #groupsFor(event: SigmaEvent): readonly RuleGroup[] {
    const kind = `${event.product}\n${event.categories.join('\n')}\n\n${event.service ?? ''}`;
    const known = this.#groupsOf.get(kind);
    if (known !== undefined) return known;
    const groups = sourceKeysOf(event).flatMap((key) => this.#groups.get(key) ?? []);
    this.#groupsOf.set(kind, groups);
    return groups;
  }
}

const sourceKey = ({ product, category, service }: LogSource): string =>
  `${product ?? ''}\n${category ?? ''}\n${service ?? ''}`;

/** A rule's log source fits where each part that it names is the event's. */
function sourceKeysOf(event: SigmaEvent): readonly string[] {
  const products = [event.product, undefined];
  const categories = [...event.categories, undefined];
  const services = event.service === undefined ? [undefined] : [event.service, undefined];
  return products.flatMap((product) =>
    categories.flatMap((category) => services.map((service) => sourceKey({ product, category, service }))),
  );
}

function layOut(event: SigmaEvent, group: RuleGroup): Row {
  const raw = new Array<string | readonly string[] | undefined>(group.slots.size).fill(undefined);
  const lower = raw.slice();
  for (const field in event.fields) {
    const slot = group.slots.get(field);
    const value = event.fields[field];
    if (slot === undefined || value === undefined || value === null) continue;
    const texts = toTexts(value);
    if (texts.length === 0 && typeof texts !== 'string') continue;
    raw[slot] = texts;
    lower[slot] = typeof texts === 'string' ? texts.toLowerCase() : texts.map((text) => text.toLowerCase());
  }
  let all: ReturnType<Row['all']> | undefined;
  return { raw, lower, all: () => (all ??= allTexts(event)) };
}

function isSettled(sensitive: ReadonlySet<string>, settled: ReadonlySet<string>): boolean {
  if (sensitive.has(everyField)) return false;
  for (const field of sensitive) if (!settled.has(field)) return false;
  return true;
}

const toTexts = (value: Exclude<FieldValue, null>): string | readonly string[] =>
  typeof value === 'string' || typeof value === 'object' ? value : String(value);

function allTexts(event: SigmaEvent): ReturnType<Row['all']> {
  const raw = Object.values(event.fields).flatMap((value) => (value === null ? [] : toTexts(value)));
  return { raw, lower: raw.map((text) => text.toLowerCase()) };
}
