import type { FieldValue } from '../../../../classifiers/rules/sigma/event.ts';
import type { Pattern } from '../../../../classifiers/rules/sigma/pattern.ts';
import type { Predicate, ValueTest } from '../../../../classifiers/rules/sigma/predicate.ts';

type Fields = Readonly<Record<string, FieldValue>>;

/** Evaluates a predicate straight after its definition, without index, prefilter or compilation. */
export function naivelyFires(predicate: Predicate, fields: Fields): boolean {
  switch (predicate.kind) {
    case 'not':
      return !naivelyFires(predicate.of, fields);
    case 'and':
      return predicate.of.every((part) => naivelyFires(part, fields));
    case 'or':
      return predicate.of.some((part) => naivelyFires(part, fields));
    case 'test': {
      const { field, test } = predicate;
      const texts =
        field === undefined
          ? Object.keys(fields).flatMap((name) => textsOf(fields, name))
          : textsOf(fields, field);
      const there = field !== undefined && textsOf(fields, field).length > 0;
      return naivelyHolds(test, texts, there, fields);
    }
  }
}

function naivelyHolds(test: ValueTest, texts: readonly string[], there: boolean, fields: Fields): boolean {
  switch (test.kind) {
    case 'exists':
      return there;
    case 'null':
      return !there;
    case 'text':
      return texts.some((text) =>
        test.cased
          ? regexOf(test.pattern, false).test(text)
          : regexOf(test.pattern, true).test(text.toLowerCase()),
      );
    case 'regex':
      return texts.some((text) => new RegExp(test.source, test.flags.ignoreCase ? 'iu' : 'u').test(text));
    case 'reference':
      return texts.some((text) =>
        textsOf(fields, test.field).some((other) => text.toLowerCase().includes(other.toLowerCase())),
      );
    default:
      throw new Error(`the naive evaluation does not know ${test.kind}`);
  }
}

function regexOf(pattern: Pattern, lower: boolean): RegExp {
  const source = pattern.map((part) => {
    if (part.kind !== 'text') return part.kind === 'any' ? '.*' : '.';
    return (lower ? part.text.toLowerCase() : part.text).replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`, 's');
}

function textsOf(fields: Fields, name: string): readonly string[] {
  const value = fields[name];
  if (value === undefined || value === null) return [];
  return typeof value === 'object' ? value : [String(value)];
}
