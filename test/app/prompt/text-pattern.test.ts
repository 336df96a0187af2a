import fc from 'fast-check';
import { fits, lengthOf, type TextPattern, valuesIn } from '../../../packages/app/src/prompt/text-pattern.ts';

const unit = fc.constantFrom('a', 'b', '\n', ': ', '🚲');
const text = fc.array(unit, { maxLength: 5 }).map((units) => units.join(''));
const some = fc.array(unit, { minLength: 1, maxLength: 3 }).map((units) => units.join(''));

function around(literals: readonly string[], values: readonly string[]): string {
  return literals
    .map((literal, index) => literal + (index < literals.length - 1 ? (values[index] ?? '') : ''))
    .join('');
}

test('the values of a text with its literals around them are that text', () => {
  const parts = fc.tuple(text, fc.array(some, { maxLength: 3 }), text, fc.option(fc.nat(3), { nil: undefined }));
  fc.assert(
    fc.property(
      parts,
      fc.array(text, { minLength: 4, maxLength: 4 }),
      text,
      ([start, inner, end, shots], values, other) => {
        const literals = [start, ...inner, end];
        const pattern: TextPattern =
          shots !== undefined && shots <= inner.length ? { literals, fewShots: shots } : { literals };
        for (const each of [around(literals, values), start + other + end, other]) {
          const found = valuesIn(pattern, each);
          if (found) expect(around(literals, found)).toBe(each);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test.each<[string, readonly string[], string, string[] | undefined]>([
  ['without slots', ['a'], 'a', []],
  ['without slots, another text', ['a'], 'b', undefined],
  ['one slot', ['<', '>'], '<a>', ['a']],
  ['one slot, empty', ['<', '>'], '<>', ['']],
  ['beginning and end may not overlap', ['ab', 'ba'], 'aba', undefined],
  ['two slots', ['<', '|', '>'], '<a|b>', ['a', 'b']],
  ['two slots, both empty', ['', '|', ''], '|', ['', '']],
  ['text between slots that is missing', ['<', '|', '>'], '<ab>', undefined],
  ['text between slots that stands twice', ['<', '|', '>'], '<a|b|c>', undefined],
  ['text between slots that stands in the end alone', ['', '|', '|'], 'a|', undefined],
  ['text between slots in another order', ['', '1', '2', ''], 'a2b1c', undefined],
])('%s', (_name, literals, content, values) => {
  expect(valuesIn({ literals }, content)).toEqual(values);
  expect(fits({ literals }, content)).toBe(values !== undefined);
});

test('the text behind examples is the last one of its kind', () => {
  expect(valuesIn({ literals: ['', '|', ''], fewShots: 0 }, 'a|b|c')).toEqual(['a|b', 'c']);
  expect(valuesIn({ literals: ['', '-', '|', ''], fewShots: 1 }, 'x-a|b|c')).toEqual(['x', 'a|b', 'c']);
});

test('a long text in which every part could be the text between slots takes no longer than another', () => {
  const literals = ['', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', ''];
  expect(valuesIn({ literals }, 'ab'.repeat(500_000))).toBeUndefined();
});

test('the length of a pattern is that of its literals', () => {
  expect(lengthOf({ literals: ['ab', '', 'c'] })).toBe(3);
});
