import { slotsOf, slotted, transfer } from '../../packages/local-trainer/src/ngram/slots.ts';

const rewrite = (input: string, completion: string, other: string) =>
  transfer(slotted(input, completion), slotsOf(other));

test.each([
  ['keys in brackets', 'name[Al], city[Rome]', 'Al lives in Rome.', 'name[Bo], city[Bonn]', 'Bo lives in Bonn.'],
  ['JSON', '{"name": "Al", "age": 31}', 'Al is 31.', '{"name": "Bo", "age": 7}', 'Bo is 7.'],
  ['lines', 'Name: Al\nCity: Rome', 'Al lives in Rome.', 'Name: Bo\nCity: Bonn', 'Bo lives in Bonn.'],
  [
    'prose',
    'tell "Al" about order 12',
    'Dear Al, order 12 ships.',
    'tell "Bo" about order 99',
    'Dear Bo, order 99 ships.',
  ],
])('%s: copied values are replaced by those of the new input', (_form, input, completion, other, expected) => {
  expect(rewrite(input, completion, other)).toEqual({ text: expected, fit: 1 });
});

test('values are replaced at once: a swap stays a swap', () => {
  expect(rewrite('a[X1], b[Y2]', 'X1 then Y2', 'a[Y2], b[X1]').text).toBe('Y2 then X1');
});

test('signs with a meaning in patterns are plain text', () => {
  expect(rewrite('a[C++ (old)], b[x]', 'I use C++ (old).', 'a[$& $1], b[x]').text).toBe('I use $& $1.');
});

test('a value that was not copied lowers the fit where the inputs differ', () => {
  expect(rewrite('n[Al], kids[yes]', 'Al is fine.', 'n[Bo], kids[no]').fit).toBe(0.5);
});
