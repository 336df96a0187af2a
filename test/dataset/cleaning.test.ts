import fc from 'fast-check';
import { cleanExamples, DropCount } from '../../src/dataset/cleaning.ts';
import { example, linesOf } from './examples.ts';

const DROP = { dropDuplicates: true };

test('examples without an input or an answer are dropped, each for its reason', () => {
  const rows = [
    example(1, ''),
    example(2, ' \n\t'),
    example(3, 'hello', ''),
    example(4, 'hello', ' \u00a0'),
    example(5, '', ''),
    example(6, 'hello'),
  ];
  const cleaned = cleanExamples(rows, DROP);
  expect(linesOf(cleaned.examples)).toEqual([6]);
  expect(cleaned.dropped).toEqual([
    { reason: 'empty input', rows: 3, lines: [1, 2, 5] },
    { reason: 'empty completion', rows: 2, lines: [3, 4] },
  ]);
});

test('of equal examples the first is kept', () => {
  const rows = [example(1, 'hello'), example(2, 'hello'), example(3, 'hello', 'no'), example(4, 'hello')];
  const cleaned = cleanExamples(rows, DROP);
  expect(linesOf(cleaned.examples)).toEqual([1, 3]);
  expect(cleaned.dropped).toEqual([{ reason: 'exact duplicate', rows: 2, lines: [2, 4] }]);
});

test('equal examples are kept if asked to', () => {
  const rows = [example(1, 'hello'), example(2, 'hello')];
  expect(cleanExamples(rows, { dropDuplicates: false })).toEqual({ examples: rows, dropped: [], conflicts: [] });
});

test('examples are not equal because their input and answer run together alike', () => {
  const rows = [example(1, 'a","b', 'c'), example(2, 'a', 'b","c'), example(3, 'ab', 'c'), example(4, 'a', 'bc')];
  expect(cleanExamples(rows, DROP).examples).toEqual(rows);
});

test('equal inputs with different answers are all kept and named', () => {
  const rows = [
    example(1, 'hello', 'yes'),
    example(2, 'other', 'yes'),
    example(3, 'hello', 'no'),
    example(4, 'hello', 'perhaps'),
  ];
  const cleaned = cleanExamples(rows, DROP);
  expect(cleaned.examples).toEqual(rows);
  expect(cleaned.conflicts).toEqual([
    { input: 'hello', completions: ['yes', 'no', 'perhaps'], answers: 3, lines: [1, 3, 4] },
  ]);
});

test('answers that differ by surrounding white space are no conflict', () => {
  expect(cleanExamples([example(1, 'hello', 'yes'), example(2, 'hello', ' yes\n')], DROP).conflicts).toEqual([]);
});

test('a dropped example makes no conflict', () => {
  expect(cleanExamples([example(1, 'hello', 'yes'), example(2, 'hello', '')], DROP).conflicts).toEqual([]);
});

test('every row is kept unchanged or counted as dropped', () => {
  const word = fc.constantFrom('', ' ', 'a', 'b', '__proto__', 'constructor');
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word)), fc.boolean(), (pairs, dropDuplicates) => {
      const rows = pairs.map(([input, completion], line) => example(line, input, completion));
      const { examples, dropped } = cleanExamples(rows, { dropDuplicates });
      expect(examples.length + dropped.reduce((sum, drop) => sum + drop.rows, 0)).toBe(rows.length);
      const lines = [...linesOf(examples), ...dropped.flatMap((drop) => drop.lines)];
      expect(new Set(lines).size).toBe(lines.length);
      expect(examples).toEqual(rows.filter(({ line }) => linesOf(examples).includes(line)));
    }),
  );
});

test('a conflict names its first 20 lines only', () => {
  const rows = Array.from({ length: 30 }, (_, index) => example(index + 1, 'hello', `answer ${index}`));
  expect(cleanExamples(rows, DROP).conflicts).toEqual([
    {
      input: 'hello',
      completions: Array.from({ length: 20 }, (_, index) => `answer ${index}`),
      answers: 30,
      lines: Array.from({ length: 20 }, (_, index) => index + 1),
    },
  ]);
});

test('drops are counted in full by reason, with the first 20 lines', () => {
  const drops = new DropCount();
  for (let line = 1; line <= 25; line += 1) drops.add('constructor', line);
  drops.add('__proto__', 7);
  expect(drops.all()).toEqual([
    { reason: 'constructor', rows: 25, lines: Array.from({ length: 20 }, (_, index) => index + 1) },
    { reason: '__proto__', rows: 1, lines: [7] },
  ]);
});
