import { comparedWords } from './words.ts';

const FOLDS = 5;
const SMOOTHING = 0.1;
/** More words of an input, and more classes, are not looked at. */
const MOST_WORDS = 200;
const MOST_CLASSES = 60;

/**
 * The class that a model which reads the input alone would give each row: naive Bayes over words, trained on the rows of the other folds.
 * Rows of one stratum have inputs that suggest the same answer, so what still differs between their answers is not due to the input.
 */
export function strataByInput(inputs: readonly string[], classes: readonly string[]): Uint16Array {
  const names = frequentClasses(classes);
  const strata = new Uint16Array(inputs.length);
  if (names.length < 2) return strata;
  const rows = inputs.map((input) => [...new Set(comparedWords(input))].slice(0, MOST_WORDS));
  const codes = classes.map((name) => names.indexOf(name));
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const model = new NaiveBayes(names.length);
    rows.forEach((words, row) => {
      if (row % FOLDS !== fold) model.add(words, codes[row] ?? -1);
    });
    rows.forEach((words, row) => {
      if (row % FOLDS === fold) strata[row] = model.likeliest(words);
    });
  }
  return strata;
}

function frequentClasses(classes: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of classes) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([a, rowsOfA], [b, rowsOfB]) => rowsOfB - rowsOfA || (a < b ? -1 : 1))
    .slice(0, MOST_CLASSES)
    .map(([name]) => name);
}

/** Over the presence of words. */
class NaiveBayes {
  readonly #rows: Float64Array;
  readonly #words = new Map<string, Float64Array>();
  #all = 0;

  constructor(classes: number) {
    this.#rows = new Float64Array(classes);
  }

  add(words: readonly string[], code: number): void {
    if (code < 0) return;
    this.#all += 1;
    this.#rows[code] = (this.#rows[code] ?? 0) + 1;
    for (const word of words) {
      const counts = this.#words.get(word) ?? new Float64Array(this.#rows.length);
      counts[code] = (counts[code] ?? 0) + 1;
      this.#words.set(word, counts);
    }
  }

  likeliest(words: readonly string[]): number {
    const scores = Array.from(this.#rows, (rows) => Math.log((rows + SMOOTHING) / (this.#all + 1)));
    for (const word of words) {
      const counts = this.#words.get(word);
      if (!counts) continue;
      for (let code = 0; code < scores.length; code += 1) {
        const share = ((counts[code] ?? 0) + SMOOTHING) / ((this.#rows[code] ?? 0) + 2 * SMOOTHING);
        scores[code] = (scores[code] ?? 0) + Math.log(share);
      }
    }
    return scores.indexOf(Math.max(...scores));
  }
}
