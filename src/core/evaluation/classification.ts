/** How a classification went, label by label. Shares are 0 to 1. */
export interface ClassificationFigures {
  n: number;
  /** Share of rows whose answer is the expected label. */
  accuracy: number;
  /** Mean F1 of all labels that were expected or answered, each with the same weight whatever its rows; 0 without rows. */
  macroF1: number;
  /** Sorted by rows, most first. */
  labels: LabelFigures[];
  /** Cells that hold a row, by their rows, most first. `answer` is null for all answers that are no label. */
  confusion: { label: string; answer: string | null; rows: number }[];
  /** Share of answers that are no label. */
  invalid: number;
}

export interface LabelFigures {
  label: string;
  /** Rows whose right answer is this label. */
  rows: number;
  /** Share of its answers that are right; null where it was never answered. */
  precision: number | null;
  /** Share of its rows that were found; null where it has none. */
  recall: number | null;
  /** 2 x right answers / (rows + answers), as by van Rijsbergen (1979). */
  f1: number;
}

/**
 * Accuracy, macro-F1, precision, recall and the confusion matrix of a classification. Macro-F1 is scikit-learn's
 * `f1_score(average='macro')` over the labels that were expected or answered: an answer that is no label costs its row's label recall, and
 * is no class of its own. White space around labels and answers does not count.
 *
 * @param labels the known labels; the expected labels of the rows are added to them.
 */
export function classificationFigures(
  rows: Iterable<{ expected: string; answer: string }>,
  labels: ReadonlySet<string>,
): ClassificationFigures {
  const matrix = new Map<string, Map<string, number>>();
  let n = 0;
  for (const { expected, answer } of rows) {
    n += 1;
    increase(cellsOf(matrix, expected.trim()), answer.trim(), 1);
  }
  const known = new Set([...labels].map((label) => label.trim()));
  for (const label of matrix.keys()) known.add(label);

  const answered = new Map<string | null, number>();
  const confusion = [...matrix].flatMap(([label, cells]) => {
    const row = new Map<string | null, number>();
    for (const [answer, count] of cells) increase(row, known.has(answer) ? answer : null, count);
    for (const [answer, count] of row) increase(answered, answer, count);
    return [...row].map(([answer, count]) => ({ label, answer, rows: count }));
  });
  const right = new Map(confusion.flatMap(({ label, answer, rows }) => (label === answer ? [[label, rows]] : [])));
  const seen = [...known].filter((label) => matrix.has(label) || answered.has(label)).sort(byText);
  const figures = seen.map((label) => {
    const found = right.get(label) ?? 0;
    const answers = answered.get(label) ?? 0;
    const count = sum(matrix.get(label)?.values() ?? []);
    return {
      label,
      rows: count,
      precision: answers === 0 ? null : found / answers,
      recall: count === 0 ? null : found / count,
      f1: (2 * found) / (count + answers),
    };
  });
  return {
    n,
    accuracy: n === 0 ? 0 : sum(right.values()) / n,
    macroF1: figures.length === 0 ? 0 : sum(figures.map(({ f1 }) => f1)) / figures.length,
    labels: figures.toSorted((a, b) => b.rows - a.rows),
    confusion: confusion.toSorted((a, b) => b.rows - a.rows || byText(a.label, b.label) || byText(a.answer, b.answer)),
    invalid: n === 0 ? 0 : (answered.get(null) ?? 0) / n,
  };
}

function cellsOf(matrix: Map<string, Map<string, number>>, label: string): Map<string, number> {
  const cells = matrix.get(label) ?? new Map<string, number>();
  matrix.set(label, cells);
  return cells;
}

function increase<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** By code units, the same on every machine; null comes last. */
function byText(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a < b ? -1 : Number(a > b);
}
