import { isRecord, type StoredLine } from './format.ts';

/** What one row of an evaluation's artifact holds, as far as others read it. */
export interface ScoredPrediction {
  /** Position of the example in its file, from 0. */
  index: number;
  id: string;
  answer: string;
  score: number;
}

/** A line of an evaluation, as far as others read it. */
export const PREDICTION: StoredLine<ScoredPrediction> = {
  name: 'a prediction of an evaluation',
  is: (value): value is ScoredPrediction =>
    isRecord(value) &&
    typeof value.index === 'number' &&
    typeof value.id === 'string' &&
    typeof value.answer === 'string' &&
    typeof value.score === 'number',
};
