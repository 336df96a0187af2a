import type { CategoryColumn } from './category-column.ts';
import type { Statistic } from './permutation-test.ts';
import { comparedWords } from './words.ts';

/** The mutual information of a part's trait and an answer's trait within each stratum, up to what no order changes. */
export function informationStatistic(value: CategoryColumn, answer: CategoryColumn, strata: Uint16Array): Statistic {
  const width = value.categories * answer.categories;
  const counts = new Uint32Array(width * (1 + Math.max(0, ...strata)));
  const rows = strata.length;
  const logs = Float64Array.from({ length: rows + 1 }, (_, count) => (count < 2 ? 0 : count * Math.log(count)));
  return {
    name: `${answer.name} and ${value.name}`,
    most: entropyOf(answer, strata, logs),
    of(order) {
      counts.fill(0);
      for (let row = 0; row < rows; row += 1) {
        const cell = (value.codes[order[row] ?? 0] ?? 0) * answer.categories + (answer.codes[row] ?? 0);
        const at = (strata[row] ?? 0) * width + cell;
        counts[at] = (counts[at] ?? 0) + 1;
      }
      let sum = 0;
      for (const count of counts) sum += logs[count] ?? 0;
      return sum;
    },
  };
}

/** What is unknown of an answer's trait within the strata, in the unit of the statistic. */
function entropyOf(answer: CategoryColumn, strata: Uint16Array, logs: Float64Array): number {
  const cells = new Map<number, number>();
  const sizes = new Map<number, number>();
  strata.forEach((stratum, row) => {
    const cell = stratum * answer.categories + (answer.codes[row] ?? 0);
    cells.set(cell, (cells.get(cell) ?? 0) + 1);
    sizes.set(stratum, (sizes.get(stratum) ?? 0) + 1);
  });
  const sum = (counts: Map<number, number>) => [...counts.values()].reduce((all, count) => all + (logs[count] ?? 0), 0);
  return sum(sizes) - sum(cells);
}

const MOST_ANSWER_WORDS = 60;

/** In how many rows the answer repeats something of the part that its input does not hold; rare words count more. */
export function repetitionStatistic(
  values: readonly string[],
  answers: readonly string[],
  inputs: readonly string[],
): Statistic {
  const given = values.map((value) => new Set(comparedWords(value)));
  const shares = new Map<string, number>();
  for (const words of given) for (const word of words) shares.set(word, (shares.get(word) ?? 0) + 1 / values.length);
  const told = answers.map((answer, row) => {
    const input = new Set(comparedWords(inputs[row] ?? ''));
    return [...new Set(comparedWords(answer))]
      .filter((word) => shares.has(word) && !input.has(word))
      .slice(0, MOST_ANSWER_WORDS);
  });
  return {
    name: 'words of it that the answer repeats',
    most: answers.length,
    of(order) {
      let sum = 0;
      told.forEach((words, row) => {
        const value = given[order[row] ?? 0];
        let best = 0;
        for (const word of words) if (value?.has(word)) best = Math.max(best, 1 - (shares.get(word) ?? 0));
        sum += best;
      });
      return sum;
    },
  };
}

const LEAST_ALIKE = 0.5;
const NEIGHBOURS = 3;
/** Words of an input by which similar ones are found: the rarest. */
const SEARCHED_WORDS = 12;
/** A word of more inputs than this finds none. */
const MOST_WITH_WORD = 200;

/**
 * Whether similar inputs have the same answer where they have the same part, and different answers where they do not. It shows answers that
 * follow from the input and the part together, which neither shows alone.
 */
export function neighbourStatistic(
  value: CategoryColumn,
  answers: readonly string[],
  inputs: readonly string[],
): Statistic | undefined {
  const pairs = similarPairs(inputs).map(({ a, b }) => ({ a, b, same: likeness(answers[a] ?? '', answers[b] ?? '') }));
  if (pairs.length < NEIGHBOURS) return undefined;
  const mean = pairs.reduce((sum, { same }) => sum + same, 0) / pairs.length;
  return {
    name: `answers to similar inputs and ${value.name}`,
    most: pairs.reduce((sum, { same }) => sum + Math.max(0, same - mean), 0),
    of(order) {
      let sum = 0;
      for (const { a, b, same } of pairs) {
        if (value.codes[order[a] ?? 0] === value.codes[order[b] ?? 0]) sum += same - mean;
      }
      return sum;
    },
  };
}

/** Pairs of rows with similar inputs, each row with a few of the most similar ones. */
function similarPairs(inputs: readonly string[]): { a: number; b: number }[] {
  const words = inputs.map((input) => new Set(comparedWords(input)));
  const rows = new Map<string, number[]>();
  words.forEach((each, row) => {
    for (const word of each) rows.set(word, [...(rows.get(word) ?? []), row]);
  });
  const pairs = new Map<string, { a: number; b: number }>();
  words.forEach((each, row) => {
    const rare = [...each]
      .sort((a, b) => (rows.get(a)?.length ?? 0) - (rows.get(b)?.length ?? 0))
      .slice(0, SEARCHED_WORDS);
    const candidates = new Set(
      rare.flatMap((word) => ((rows.get(word)?.length ?? 0) <= MOST_WITH_WORD ? (rows.get(word) ?? []) : [])),
    );
    candidates.delete(row);
    const near = [...candidates]
      .map((other) => ({ other, alike: jaccard(each, words[other] ?? new Set()) }))
      .filter(({ alike }) => alike >= LEAST_ALIKE)
      .sort((a, b) => b.alike - a.alike || a.other - b.other)
      .slice(0, NEIGHBOURS);
    for (const { other } of near) {
      const [a, b] = [Math.min(row, other), Math.max(row, other)];
      pairs.set(`${a} ${b}`, { a, b });
    }
  });
  return [...pairs.values()];
}

function likeness(a: string, b: string): number {
  return a === b ? 1 : jaccard(new Set(comparedWords(a)), new Set(comparedWords(b)));
}

function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const word of a) if (b.has(word)) shared += 1;
  return shared === 0 ? 0 : shared / (a.size + b.size - shared);
}
