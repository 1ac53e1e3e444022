import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { foldLiteral, LiteralAutomaton } from '../../../../classifiers/rules/sigma/aho-corasick.ts';
import { WakeList } from '../../../../classifiers/rules/sigma/wake-list.ts';

function automatonOf(literals: readonly string[]): LiteralAutomaton {
  const rules = new Map<string, number[]>();
  literals.forEach((literal, rule) => {
    const folded = foldLiteral(literal);
    rules.set(folded, [...(rules.get(folded) ?? []), rule]);
  });
  const steps = LiteralAutomaton.build(rules);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function woken(literals: readonly string[], text: string): number[] {
  const wake = new WakeList(literals.length);
  wake.begin(new Uint8Array(literals.length).fill(1));
  automatonOf(literals).collect(text, wake);
  return Array.from({ length: wake.length }, (_, index) => wake.at(index)).sort((a, b) => a - b);
}

const letters = fc.constantFrom(
  'a',
  'b',
  'A',
  'K',
  's',
  'i',
  '\u212a',
  '\u017f',
  '\u0130',
  '\u00e9',
  '\\',
  '*',
);
const literal = fc.string({ unit: letters, minLength: 1, maxLength: 5 });

test('finds the literals that the folded text contains, and no other', () => {
  fc.assert(
    fc.property(
      fc.array(literal, { minLength: 1, maxLength: 12 }),
      fc.string({ unit: letters, maxLength: 30 }),
      (literals, text) => {
        const contained = literals.flatMap((each, rule) =>
          foldLiteral(text).includes(foldLiteral(each)) ? [rule] : [],
        );
        expect(woken(literals, text)).toEqual(contained);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('holds more states than sixteen bits count', () => {
  const many = Array.from({ length: 6_000 }, (_, index) => `${index}-${'x'.repeat(12)}-${index}`);
  const automaton = automatonOf(many);
  const wake = new WakeList(many.length);
  wake.begin(new Uint8Array(many.length).fill(1));
  automaton.collect(`... ${many[5_999] ?? ''} ...`, wake);
  expect(Array.from({ length: wake.length }, (_, index) => many[wake.at(index)])).toContain(many[5_999]);
});
