import type { ScoredPrediction } from '../../activities/support/predictions.ts';
import { isRecord, type StoredLine } from './format.ts';

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
