import { lcs } from 'js-rouge';
import { best, type TextMetric } from './metric.ts';

/** F1 of the longest common subsequence of words (Lin 2004, ROUGE-L of one sentence). */
export const rougeL: TextMetric = {
  score({ words: { answer, references } }) {
    return best(references, (reference) => {
      const length = answer.length + reference.length;
      return length === 0 ? 0 : (2 * lcs(answer, reference).length) / length;
    });
  },
};
