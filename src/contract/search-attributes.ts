import { defineSearchAttributeKey } from '@temporalio/common';

/** The attributes by which runs can be listed and filtered, in the Web UI too. */
export const PIPELINE = defineSearchAttributeKey('TuneloopPipeline', 'KEYWORD');
export const STAGE = defineSearchAttributeKey('TuneloopStage', 'KEYWORD');
export const WINNER = defineSearchAttributeKey('TuneloopWinner', 'KEYWORD');
export const BEST_SCORE = defineSearchAttributeKey('TuneloopBestScore', 'DOUBLE');
export const VERDICT = defineSearchAttributeKey('TuneloopVerdict', 'KEYWORD');
/** Of a deployment: the serving model. */
export const CHAMPION = defineSearchAttributeKey('TuneloopChampion', 'KEYWORD');
/** Of a job's workflow: the provider's job id, by which a webhook finds the waiting workflow. */
export const JOB = defineSearchAttributeKey('TuneloopJob', 'KEYWORD');

export const SEARCH_ATTRIBUTES = [PIPELINE, STAGE, WINNER, BEST_SCORE, VERDICT, CHAMPION, JOB] as const;
