import type { Matcher } from './compile.ts';
import { compilePredicate } from './compile.ts';
import type { SigmaEvent } from './event.ts';
import { absenceSensitiveFields, everyField } from './predicate.ts';
import { RuleIndex } from './rule-index.ts';
import type { Row } from './row.ts';
import type { LogSource, SigmaRule } from './rule.ts';
import { WakeList } from './wake-list.ts';

/** What holds for all events of one kind: product, categories and service. */
interface Plan {
  /** One for each rule whose log source fits. */
  readonly allowed: Uint8Array;
  /** Of these, the rules that no literal wakes. */
  readonly always: readonly number[];
}

/** Kinds are few where a service names them; whatever a file of events names is bounded. */
const maximalPlans = 1_000;
const nothing: readonly SigmaRule[] = [];

/**
 * Rules compiled together. An answer depends on the event alone. Between events only scratch space is kept, so that an
 * event costs no allocation but its own lower case.
 */
export class RuleSet {
  readonly rules: readonly SigmaRule[];
  readonly #index: RuleIndex;
  readonly #row: Row;
  readonly #wake: WakeList;
  readonly #plans = new Map<string, Plan>();
  /** Made when a rule is first woken: most rules never are. */
  readonly #matchers: (Matcher | undefined)[];
  readonly #sensitive: (ReadonlySet<string> | undefined)[];

  private constructor(rules: readonly SigmaRule[], index: RuleIndex) {
    this.rules = rules;
    this.#index = index;
    this.#row = index.newRow();
    this.#wake = new WakeList(rules.length);
    this.#matchers = new Array<undefined>(rules.length).fill(undefined);
    this.#sensitive = this.#matchers.map(() => undefined);
  }

  /** Builds a set at one go, which with thousands of rules takes a good part of a second. */
  static of(rules: readonly SigmaRule[]): RuleSet {
    const steps = RuleSet.build(rules);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /** Builds a set in steps of a few milliseconds at most, for a process that has other things to do meanwhile. */
  static *build(rules: readonly SigmaRule[]): Generator<undefined, RuleSet, undefined> {
    return new RuleSet(rules, yield* RuleIndex.build(rules));
  }

  /**
   * The rules that an event fulfils, in the order of the set.
   * With `settled`, only those whose match no field outside that set could undo.
   */
  match(event: SigmaEvent, settled?: ReadonlySet<string>): readonly SigmaRule[] {
    const wake = this.#wake;
    const plan = this.#planFor(event);
    wake.begin(plan.allowed);
    this.#index.read(event.fields, this.#row, wake);
    for (const rule of plan.always) wake.add(rule);
    let found: number[] | undefined;
    for (let at = 0; at < wake.length; at += 1) {
      const rule = wake.at(at);
      if (!this.#matcherOf(rule)(this.#row)) continue;
      if (settled === undefined || this.#isSettled(rule, settled)) (found ??= []).push(rule);
    }
    if (found === undefined) return nothing;
    return found.sort((a, b) => a - b).flatMap((rule) => this.rules[rule] ?? []);
  }

  #matcherOf(rule: number): Matcher {
    const known = this.#matchers[rule];
    if (known !== undefined) return known;
    const { predicate } = this.#ruleAt(rule);
    const matcher = compilePredicate(predicate, (field) => this.#index.slotOf(field));
    this.#matchers[rule] = matcher;
    return matcher;
  }

  #isSettled(rule: number, settled: ReadonlySet<string>): boolean {
    const sensitive = (this.#sensitive[rule] ??= absenceSensitiveFields(this.#ruleAt(rule).predicate));
    if (sensitive.has(everyField)) return false;
    for (const field of sensitive) if (!settled.has(field)) return false;
    return true;
  }

  #ruleAt(index: number): SigmaRule {
    const rule = this.rules[index];
    if (rule === undefined) throw new Error(`there is no rule ${index}`);
    return rule;
  }

  #planFor(event: SigmaEvent): Plan {
    const kind = `${event.product}\n${event.categories.join('\n')}\n\n${event.service ?? ''}`;
    const known = this.#plans.get(kind);
    if (known !== undefined) return known;
    const allowed = Uint8Array.from(this.rules, (rule) => (fits(rule.logSource, event) ? 1 : 0));
    const plan = { allowed, always: this.#index.always.filter((rule) => allowed[rule] === 1) };
    if (this.#plans.size >= maximalPlans) this.#plans.clear();
    this.#plans.set(kind, plan);
    return plan;
  }
}

/** A rule's log source fits where each part that it names is the event's. */
function fits({ product, category, service }: LogSource, event: SigmaEvent): boolean {
  if (product !== undefined && product !== event.product) return false;
  if (category !== undefined && !event.categories.includes(category)) return false;
  return service === undefined || service === event.service;
}
