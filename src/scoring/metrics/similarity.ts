import { distance } from 'fastest-levenshtein';
import { best, type TextMetric } from './metric.ts';

/** 1 - Levenshtein distance / length of the longer text, in UTF-16 code units. */
export const similarity: TextMetric = {
  score({ beginning: { answer, references } }) {
    return best(references, (reference) => {
      const length = Math.max(answer.length, reference.length);
      return length === 0 ? 1 : 1 - distance(answer, reference) / length;
    });
  },
};
