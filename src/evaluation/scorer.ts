import { distance } from 'fastest-levenshtein';
import { l as rougeL } from 'js-rouge';
import type { Metric } from '../config/pipeline.ts';

/** Scores one answer from 0 (wrong) to 1 (right) against the references; the best reference counts. */
export type Scorer = (answer: string, references: readonly string[]) => number;

const SCORERS: Record<Metric, (answer: string, reference: string) => number> = {
  accuracy: (answer, reference) => Number(answer === reference),
  exact_match: (answer, reference) => Number(answer === reference),
  /** 1 - Levenshtein distance / length of the longer text, in UTF-16 code units. */
  similarity: (answer, reference) => {
    const length = Math.max(answer.length, reference.length);
    return length === 0 ? 1 : 1 - distance(answer, reference) / length;
  },
  /** F1 of the longest common subsequence of words (Lin 2004, ROUGE-L), case folded. */
  rouge_l: (answer, reference) => {
    if (answer === '' || reference === '') return Number(answer === reference);
    return rougeL(answer, reference, { caseSensitive: false });
  },
};

/** The scorer of a metric. White space around answers and references does not count. */
export function scorerOf(metric: Metric): Scorer {
  const score = SCORERS[metric];
  return (answer, references) => Math.max(0, ...references.map((reference) => score(answer.trim(), reference.trim())));
}
