import fc from 'fast-check';
import type { Example } from '../../src/dataset/row.ts';
import {
  canonicalText,
  excludeLeaks,
  SIDES,
  type Side,
  type Split,
  type SplitOptions,
  splitExamples,
} from '../../src/dataset/split.ts';
import { wellFormedText } from '../storage/any-text.ts';
import { example, linesOf } from './examples.ts';

const OPTIONS: SplitOptions = { validation: 0.2, test: 0.2, seed: 1, stratify: false };

/** Inputs repeat, and repeat in other spellings; labels repeat too. */
const examples: fc.Arbitrary<Example[]> = fc
  .array(
    fc.record({
      word: fc.oneof(fc.integer({ min: 0, max: 30 }).map(String), wellFormedText()),
      spell: fc.constantFrom<(text: string) => string>(
        (text) => text,
        (text) => ` ${text}\n`,
        (text) => text.toUpperCase(),
      ),
      label: fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), fc.string()),
    }),
    { maxLength: 60 },
  )
  .map((rows) => rows.map(({ word, spell, label }, line) => example(line, spell(`order ${word}`), label)));

const options: fc.Arbitrary<SplitOptions> = fc.record({
  validation: fc.double({ min: 0, max: 0.5, noNaN: true }),
  test: fc.double({ min: 0, max: 0.49, noNaN: true }),
  seed: fc.nat(),
  stratify: fc.boolean(),
});

const distinct = (count: number, label: (index: number) => string = () => 'yes') =>
  Array.from({ length: count }, (_, index) => example(index, `input number ${index}`, label(index)));

function sideOfLine(split: Split): Map<number, Side> {
  return new Map(SIDES.flatMap((side) => linesOf(split[side]).map((line) => [line, side] as const)));
}

test('every row is on exactly one side, unchanged, in the order of the log', () => {
  fc.assert(
    fc.property(examples, options, (rows, chosen) => {
      const split = splitExamples(rows, chosen);
      const all = SIDES.flatMap((side) => split[side]);
      expect(all.toSorted((a, b) => a.line - b.line)).toEqual(rows);
      for (const side of SIDES) expect(linesOf(split[side])).toEqual(linesOf(split[side]).toSorted((a, b) => a - b));
    }),
  );
});

test('equal inputs stay on one side', () => {
  fc.assert(
    fc.property(examples, options, (rows, chosen) => {
      const sides = sideOfLine(splitExamples(rows, chosen));
      for (const group of Map.groupBy(rows, ({ input }) => canonicalText(input)).values()) {
        expect(new Set(linesOf(group).map((line) => sides.get(line))).size).toBe(1);
      }
    }),
  );
});

test('equal inputs stay on one side of a long log too', () => {
  const rows = [...distinct(600), ...distinct(600).map(({ line, input }) => example(1000 + line, input.toUpperCase()))];
  const sides = sideOfLine(splitExamples(rows, OPTIONS));
  for (let line = 0; line < 600; line += 1) expect(sides.get(1000 + line)).toBe(sides.get(line));
});

test('the order of the rows makes no difference', () => {
  const shuffled = examples.chain((rows) =>
    fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length })),
  );
  fc.assert(
    fc.property(shuffled, options, ([rows, others], chosen) => {
      expect(splitExamples(others, chosen)).toEqual(splitExamples(rows, chosen));
    }),
  );
});

test('another seed gives another split, the same seed the same', () => {
  const rows = distinct(100);
  const first = splitExamples(rows, OPTIONS);
  expect(splitExamples(rows, OPTIONS)).toEqual(first);
  expect(linesOf(splitExamples(rows, { ...OPTIONS, seed: 2 }).test)).not.toEqual(linesOf(first.test));
  const long = distinct(1000);
  expect(linesOf(splitExamples(long, { ...OPTIONS, seed: 2 }).test)).not.toEqual(
    linesOf(splitExamples(long, OPTIONS).test),
  );
});

describe('shares', () => {
  const share = fc.double({ min: 0.01, max: 0.4, noNaN: true });

  test('of up to 499 inputs are exact but for rounding, and at least one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 499 }), share, share, (count, validation, test) => {
        const split = splitExamples(distinct(count), { validation, test, seed: 1, stratify: false });
        expect(split.test).toHaveLength(Math.max(1, Math.round(count * test)));
        expect(split.validation).toHaveLength(Math.max(1, Math.round(count * validation)));
      }),
    );
  });

  test('of a stratified split hold as a whole and within each label', () => {
    const sizes = fc.array(fc.integer({ min: 5, max: 40 }), { minLength: 1, maxLength: 8 });
    const smallShare = fc.double({ min: 0.05, max: 0.3, noNaN: true });
    fc.assert(
      fc.property(sizes, smallShare, smallShare, (labels, validation, test) => {
        const rows = labels
          .flatMap((size, label) => Array.from({ length: size }, () => `label ${label}`))
          .map((label, line) => example(line, `input ${line}`, label));
        const split = splitExamples(rows, { validation, test, seed: 1, stratify: true });
        expect(split.test).toHaveLength(Math.max(1, Math.round(rows.length * test)));
        expect(split.validation).toHaveLength(Math.max(1, Math.round(rows.length * validation)));
        labels.forEach((size, label) => {
          const on = (side: Side) => split[side].filter(({ completion }) => completion === `label ${label}`).length;
          expect(Math.abs(on('test') - size * test)).toBeLessThanOrEqual(1);
          expect(Math.abs(on('validation') - size * validation)).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  test('of a long log hold in about', () => {
    const { validation, test } = splitExamples(distinct(4000), { ...OPTIONS, validation: 0.1, test: 0.25 });
    expect(Math.abs(test.length / 4000 - 0.25)).toBeLessThan(0.03);
    expect(Math.abs(validation.length / 4000 - 0.1)).toBeLessThan(0.02);
  });

  test.each([true, false])('of 0 leave a side empty (stratified: %s)', (stratify) => {
    for (const count of [20, 600]) {
      const split = splitExamples(distinct(count), { validation: 0.2, test: 0, seed: 1, stratify });
      expect(split.test).toEqual([]);
      expect(split.validation).not.toEqual([]);
    }
  });

  test.each([true, false])('over 0 leave none empty, however small the log (stratified: %s)', (stratify) => {
    for (let count = 3; count < 40; count += 1) {
      const split = splitExamples(distinct(count), { validation: 0.01, test: 0.01, seed: count, stratify });
      expect(SIDES.map((side) => split[side].length)).toEqual([count - 2, 1, 1]);
    }
  });

  test('over 5 % leave none empty in a log of 500 inputs and more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 500, max: 700 }), fc.nat(), (count, seed) => {
        const split = splitExamples(distinct(count), { validation: 0.05, test: 0.05, seed, stratify: false });
        for (const side of SIDES) expect(split[side].length).toBeGreaterThan(0);
      }),
      { numRuns: 20 },
    );
  });

  test('are taken of groups, so a repeated input weighs as one', () => {
    const rows = [
      ...distinct(20),
      ...Array.from({ length: 500 }, (_, index) => example(100 + index, 'input number 7')),
    ];
    const sides = sideOfLine(splitExamples(rows, OPTIONS));
    const count = (side: Side) => distinct(20).filter(({ line }) => sides.get(line) === side).length;
    expect(SIDES.map(count)).toEqual([12, 4, 4]);
  });
});

test('every label keeps an example to train on', () => {
  const labels = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'rare', '__proto__'), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(labels, options, (completions, chosen) => {
      const rows = completions.map((label, line) => example(line, `input ${line}`, label));
      const { train } = splitExamples(rows, { ...chosen, stratify: true });
      expect(new Set(train.map(({ completion }) => completion))).toEqual(new Set(completions));
    }),
  );
});

test('labels that differ by surrounding white space are one label', () => {
  const { train, test: judged } = splitExamples(
    distinct(40, (index) => (index % 2 ? 'yes' : ' yes\n')),
    { ...OPTIONS, stratify: true },
  );
  expect([train.length, judged.length]).toEqual([24, 8]);
  const two = distinct(2, (index) => (index % 2 ? 'yes' : ' yes\n'));
  expect(splitExamples(two, { ...OPTIONS, validation: 0, stratify: true }).test).toHaveLength(1);
});

test('rows that are added to a long log never move a row from one side to another', () => {
  const added = fc.array(
    fc.oneof(
      wellFormedText(),
      fc.nat({ max: 499 }).map((index) => ` INPUT number  ${index}`),
    ),
    { maxLength: 300 },
  );
  fc.assert(
    fc.property(added, fc.nat(), (inputs, seed) => {
      const rows = distinct(500);
      const before = sideOfLine(splitExamples(rows, { ...OPTIONS, seed }));
      const more = inputs.map((input, index) => example(1000 + index, input, 'another answer'));
      const after = sideOfLine(splitExamples([...more, ...rows], { ...OPTIONS, seed }));
      for (const [line, side] of before) expect(after.get(line)).toBe(side);
    }),
    { numRuns: 25 },
  );
});

test('no rows give empty sides', () => {
  for (const stratify of [true, false]) {
    expect(splitExamples([], { ...OPTIONS, stratify })).toEqual({ train: [], validation: [], test: [] });
  }
});

test('splitting does not change the rows it is given', () => {
  const rows = Object.freeze(
    distinct(50)
      .reverse()
      .map((row) => Object.freeze(row)),
  );
  splitExamples(rows, OPTIONS);
  expect(rows[0]?.line).toBe(49);
});

test.each([
  ['case', 'Where is MY bike', 'where is my bike'],
  ['white space', '  where\tis\n\nmy\u00a0bike ', 'where is my bike'],
  ['compatibility forms', 'ﬁne ① ｂｉｋｅ', 'fine 1 bike'],
  ['composition', 'cafe\u0301', 'caf\u00e9'],
])('inputs that differ by %s alone count as equal', (_name, a, b) => {
  expect(canonicalText(a)).toBe(canonicalText(b));
});

test.each([
  ['a digit', 'order 1', 'order 2'],
  ['punctuation', 'cancel!', 'cancel?'],
  ['a space between words', 'now here', 'nowhere'],
])('inputs that differ by %s are different', (_name, a, b) => {
  expect(canonicalText(a)).not.toBe(canonicalText(b));
});

describe('leaks', () => {
  test('an example whose input is also held out is taken out, in whatever spelling', () => {
    const rows = [example(1, 'Where is my bike'), example(2, 'cancel'), example(3, 'WHERE is  my bike')];
    const { examples: kept, leaked } = excludeLeaks(rows, [example(9, ' where is my bike', 'no')]);
    expect(linesOf(kept)).toEqual([2]);
    expect(linesOf(leaked)).toEqual([1, 3]);
  });

  test('nothing held out leaks nothing', () => {
    const rows = distinct(3);
    expect(excludeLeaks(rows, [])).toEqual({ examples: rows, leaked: [] });
    expect(excludeLeaks([], rows)).toEqual({ examples: [], leaked: [] });
  });

  test('every example is kept or leaked, and nothing kept is held out', () => {
    fc.assert(
      fc.property(examples, examples, (rows, heldOut) => {
        const { examples: kept, leaked } = excludeLeaks(rows, heldOut);
        const judged = new Set(heldOut.map(({ input }) => canonicalText(input)));
        expect([...kept, ...leaked].toSorted((a, b) => a.line - b.line)).toEqual(rows);
        expect(kept.some(({ input }) => judged.has(canonicalText(input)))).toBe(false);
        expect(leaked.every(({ input }) => judged.has(canonicalText(input)))).toBe(true);
      }),
    );
  });
});

test('rows of the same line and id come in one order, whatever order they came in', () => {
  const rows = [example(1, 'same', 'a'), example(1, 'same', 'b')];
  expect(splitExamples(rows, OPTIONS)).toEqual(splitExamples(rows.toReversed(), OPTIONS));
});

test('where most labels have one group, the few free ones are shared between validation and test', () => {
  const rows = Array.from({ length: 26 }, (_, index) => example(index + 1, `input ${index}`, `label ${index % 22}`));
  const split = splitExamples(rows, { validation: 0.15, test: 0.15, seed: 1, stratify: true });
  expect(split.validation).toHaveLength(2);
  expect(split.test).toHaveLength(2);
});
