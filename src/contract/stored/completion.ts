/** Answers that were paid for, as the completion cache keeps them. */

import type { Completion } from '../../core/evaluation/completion.ts';
import type { Score } from '../../core/evaluation/score.ts';
import { isRecord, type StoredLine } from './format.ts';

export const COMPLETION: StoredLine<Completion> = {
  name: 'an answer of a model',
  is: (value): value is Completion =>
    isRecord(value) &&
    typeof value.text === 'string' &&
    typeof value.cut === 'boolean' &&
    // Answers of earlier versions do not have it, and most of later ones neither.
    (value.cutInThoughts === undefined || value.cutInThoughts === true) &&
    typeof value.promptTokens === 'number' &&
    typeof value.completionTokens === 'number' &&
    typeof value.latencyMs === 'number' &&
    typeof value.serverMs === 'number',
};

export const SCORE: StoredLine<Score> = {
  name: 'a score of a judge',
  is: (value): value is Score =>
    isRecord(value) &&
    typeof value.score === 'number' &&
    typeof value.invalid === 'boolean' &&
    isRecord(value.scores) &&
    Object.values(value.scores).every((score) => typeof score === 'number') &&
    (value.judgeUsd === null || typeof value.judgeUsd === 'number'),
};
