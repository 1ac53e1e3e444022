import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JsonPruner, type JsonShape } from '../../../formats/json/json-pruner.ts';

const bounds = { depth: 16, items: 3, scalarBytes: 20, keptBytes: 1000 };

function prune(text: string | Buffer, shape: JsonShape, pieceBytes = 1, more: Partial<typeof bounds> = {}) {
  const bytes = Buffer.from(text);
  const pruner = new JsonPruner(shape, { ...bounds, ...more });
  for (let at = 0; at < bytes.length; at += pieceBytes) pruner.push(bytes.subarray(at, at + pieceBytes));
  return pruner.end();
}

/** The same, written down once more over the whole document. */
function model(value: unknown, shape: JsonShape): unknown {
  if (Array.isArray(value))
    return value
      .slice(0, bounds.items)
      .filter((each) => typeof each === 'object' || isShort(each))
      .map((each) => model(each, shape));
  if (typeof value !== 'object' || value === null) return isShort(value) ? value : null;
  const members = Object.entries(value).flatMap(([name, each]) => {
    const wanted = Object.hasOwn(shape, name) ? shape[name] : shape['*'];
    if (wanted === undefined || name === '__proto__') return [];
    return [[name, wanted === null ? null : model(each, wanted)]];
  });
  return Object.fromEntries(members);
}

const isShort = (scalar: unknown) => Buffer.byteLength(JSON.stringify(scalar)) <= bounds.scalarBytes;

const shapes: readonly JsonShape[] = [
  {},
  { a: {} },
  { a: { b: {}, '*': null }, b: null },
  { '*': { a: {} } },
];

describe('a pruned document', () => {
  test('has what the shape names, whatever the document is and however it is cut into pieces', () => {
    const name = fc.constantFrom('a', 'b', '"', '\\', '__proto__', 'constructor', 'ä€');
    const { document } = fc.letrec((tie) => ({
      document: fc.oneof(
        { depthSize: 'small', maxDepth: 5 },
        fc.constantFrom<unknown>(null, true, false, '', 'x"]}\\', 'ä€😀', 'x'.repeat(40), '\u0000\ud800'),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.array(tie('document'), { maxLength: 5 }),
        fc.dictionary(name, tie('document'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(
        document,
        fc.constantFrom(...shapes),
        fc.integer({ min: 1, max: 9 }),
        (value, shape, size) => {
          const text = JSON.stringify(value, null, size % 3);
          const given: unknown = JSON.parse(text);
          expect(prune(text, shape, size)).toEqual(model(given, shape));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('is refused exactly where JSON.parse refuses it, if all of it is wanted', () => {
    const some = fc.constantFrom(...'{}[],:"\\ 1-.eE+tn'.split(''), '"a"', 'true', 'null', '12', '\n');
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const accepts = (parse: () => unknown) => {
          try {
            parse();
            return true;
          } catch {
            return false;
          }
        };
        const all = { '*': { '*': { '*': {} } } };
        expect([text, accepts(() => prune(text, all, 1, { items: 100, scalarBytes: 100 }))]).toEqual([
          text,
          accepts(() => JSON.parse(text) as unknown),
        ]);
      }),
      { numRuns: 5000 },
    );
  });

  test('is bounded: depth, what is kept, and lists and texts that are cut', () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(() => prune(deep(16), {})).not.toThrow();
    expect(() => prune(deep(17), {})).toThrow(expect.objectContaining({ code: 'FB_BODY_TOO_DEEP' }));
    expect(() => prune(`{"x":${deep(16)}}`, {})).toThrow(
      expect.objectContaining({ code: 'FB_BODY_TOO_DEEP' }),
    );
    const members = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`n${index}`, index]));
    expect(() => prune(JSON.stringify(members), { '*': {} })).toThrow(
      expect.objectContaining({ code: 'FB_BODY_TOO_LARGE' }),
    );
    expect(prune(JSON.stringify({ x: members }), { a: {} })).toEqual({});
    expect(prune('{"a":[1,2,3,4,5],"b":"' + 'x'.repeat(5000) + '"}', { a: {}, b: {} })).toEqual({
      a: [1, 2, 3],
      b: null,
    });
  });

  test.each([
    ['ends in a list that is passed over', '{"x":[1,2'],
    ['ends in a text that is passed over', '{"x":"abc'],
    ['has brackets that do not fit', '{"x":[{]}}'],
    ['is none', 'nothing'],
    ['is two', '{}{}'],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ])('is refused where it %s', (_how, text) => {
    expect(() => prune(text, {})).toThrow(expect.objectContaining({ code: 'FB_BODY_NOT_JSON' }));
  });
});
