import type { Statistic } from './permutation-test.ts';
import { comparedWords } from './words.ts';

interface Example {
  words: ReadonlySet<string>;
  text: string;
}

/** In how many rows the answer is that of the example which resembles the input most; it shows examples that set the rule. */
export function exampleStatistic(
  values: readonly string[],
  answers: readonly string[],
  inputs: readonly string[],
): Statistic {
  const examples = values.map(examplesIn);
  const words = inputs.map((input) => new Set(comparedWords(input)));
  const ends = answers.map((answer) => answer.trim().toLowerCase());
  const weights = tellingWords(words, ends);
  return {
    name: 'answers and those of similar examples',
    most: answers.length,
    of(order) {
      let sum = 0;
      words.forEach((input, row) => {
        const nearest = nearestTo(input, examples[order[row] ?? 0] ?? [], weights);
        if (nearest?.text.endsWith(ends[row] ?? '')) sum += 1;
      });
      return sum;
    },
  };
}

/** Examples stand apart by blank lines, or on a line each. */
function examplesIn(value: string): Example[] {
  const apart = value.split(/\n[ \t]*\n/).filter((text) => text.trim() !== '');
  const texts = apart.length > 1 ? apart : value.split('\n').filter((text) => text.trim() !== '');
  return texts.map((text) => ({ words: new Set(comparedWords(text)), text: text.trim().toLowerCase() }));
}

/** A word whose rows differ from all rows in their answers by this factor of chance tells what a text is about. */
const TELLING = 3;

/** How much a word that two texts share says: chi-square of its rows' answers against those of all rows, beyond chance. */
function tellingWords(inputs: readonly ReadonlySet<string>[], answers: readonly string[]): Map<string, number> {
  const all = countOf(answers);
  const byWord = new Map<string, string[]>();
  inputs.forEach((words, row) => {
    for (const word of words) byWord.set(word, [...(byWord.get(word) ?? []), answers[row] ?? '']);
  });
  const weights = new Map<string, number>();
  for (const [word, own] of byWord) {
    const found = countOf(own);
    let sum = 0;
    for (const [answer, count] of all) {
      const expected = (count / answers.length) * own.length;
      sum += ((found.get(answer) ?? 0) - expected) ** 2 / expected;
    }
    const beyond = sum / Math.max(1, all.size - 1) - TELLING;
    if (beyond > 0) weights.set(word, beyond);
  }
  return weights;
}

function countOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function nearestTo(
  input: ReadonlySet<string>,
  examples: readonly Example[],
  weights: ReadonlyMap<string, number>,
): Example | undefined {
  let best: { example: Example; alike: number } | undefined;
  for (const example of examples) {
    let alike = 0;
    for (const word of input) if (example.words.has(word)) alike += weights.get(word) ?? 0;
    if (!best || alike > best.alike) best = { example, alike };
  }
  return best?.example;
}
