import { type CategoryColumn, categoryColumn, quarters } from './category-column.ts';
import { comparedWords } from './words.ts';

/** A word says something about answers if at least this share of them, and at most this share, hold it. */
const FEWEST_WITH_WORD = 0.05;
const MOST_WITH_WORD = 0.95;
const MOST_WORDS = 24;
const MOST_LABELS = 40;

/** The traits of answers that may depend on a part of the prompt: the label, or of free text its form and its words. */
export function answerTraits(
  answers: readonly string[],
  inputs: readonly string[],
  areLabels: boolean,
): CategoryColumn[] {
  if (areLabels)
    return present([
      categoryColumn(
        'the label',
        answers.map((answer) => answer.trim()),
        MOST_LABELS,
      ),
    ]);
  const words = answers.map(comparedWords);
  return present([
    categoryColumn('the length of the answer', quarters(answers.map(({ length }) => length))),
    categoryColumn('the format of the answer', answers.map(formatOf)),
    categoryColumn(
      'the end of the answer',
      answers.map((answer) => /[.?!。？！]$/.exec(answer.trim())?.[0] ?? 'other'),
    ),
    categoryColumn('the script of the answer', answers.map(scriptOf)),
    categoryColumn(
      'the first word of the answer',
      words.map(([first = '']) => first),
    ),
    ...wordTraits(words, inputs),
  ]);
}

function present(columns: readonly (CategoryColumn | undefined)[]): CategoryColumn[] {
  return columns.filter((column) => column !== undefined);
}

function formatOf(answer: string): string {
  const text = answer.trim();
  if (/^[{[]/.test(text)) return 'JSON';
  if (/^```/.test(text)) return 'code';
  if (/^(?:[-*•]|\d+[.)])\s/m.test(text)) return 'list';
  if (/^</.test(text)) return 'tags';
  return text.includes('\n') ? 'several lines' : 'one line';
}

const SCRIPTS: [string, RegExp][] = [
  ['Latin', /\p{Script=Latin}/u],
  ['Han', /\p{Script=Han}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Arabic', /\p{Script=Arabic}/u],
];

function scriptOf(answer: string): string {
  return SCRIPTS.find(([, script]) => script.test(answer))?.[0] ?? 'other';
}

/** Whether an answer holds a word that its input does not: for each of the words that tell answers apart best. */
function wordTraits(
  answers: readonly (readonly string[])[],
  inputs: readonly string[],
): (CategoryColumn | undefined)[] {
  const own = answers.map((words, row) => {
    const given = new Set(comparedWords(inputs[row] ?? ''));
    return new Set(words.filter((word) => !given.has(word)));
  });
  const counts = new Map<string, number>();
  for (const words of own) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const telling = [...counts]
    .filter(([, count]) => count >= FEWEST_WITH_WORD * own.length && count <= MOST_WITH_WORD * own.length)
    .sort(([a, withA], [b, withB]) => balance(withA, own.length) - balance(withB, own.length) || (a < b ? -1 : 1))
    .slice(0, MOST_WORDS);
  return telling.map(([word]) =>
    categoryColumn(
      'the words of the answer',
      own.map((words) => (words.has(word) ? 'with' : 'without')),
    ),
  );
}

/** How far the number of answers with a word is from half of them. */
function balance(count: number, rows: number): number {
  return Math.abs(count - rows / 2);
}
