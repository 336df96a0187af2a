import { defineSearchAttributeKey } from '@temporalio/common';

/** What runs can be listed and filtered by, in the Web UI too. */
export const PIPELINE = defineSearchAttributeKey('TuneloopPipeline', 'KEYWORD');
export const STAGE = defineSearchAttributeKey('TuneloopStage', 'KEYWORD');
export const WINNER = defineSearchAttributeKey('TuneloopWinner', 'KEYWORD');
export const BEST_SCORE = defineSearchAttributeKey('TuneloopBestScore', 'DOUBLE');
export const VERDICT = defineSearchAttributeKey('TuneloopVerdict', 'KEYWORD');

export const SEARCH_ATTRIBUTES = [PIPELINE, STAGE, WINNER, BEST_SCORE, VERDICT] as const;
