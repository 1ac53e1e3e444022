import { describe, expect, test } from '@jest/globals';
import { knownModifiers } from '../../../classifiers/rules/sigma/detection-item.ts';
import { examplePlaceholders, modifierExamples } from '../../../scripts/sigma/supported.ts';
import { selects } from '../../classifiers/rules/sigma/fires.ts';

test('the page names every modifier that the engine knows, and no other', () => {
  expect(Object.keys(modifierExamples).sort()).toEqual([...knownModifiers].sort());
});

describe('the example of', () => {
  test.each(Object.entries(modifierExamples))('%s selects what it says', (name, example) => {
    expect(Object.keys(example.line)[0]).toContain(`|${name}`);
    const options = { placeholders: examplePlaceholders };
    expect(selects(example.line, example.selects, options)).toBe(true);
    expect(selects(example.line, example.leaves, options)).toBe(false);
  });
});
