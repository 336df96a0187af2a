import type { PauseReason } from './pause-reason.ts';

/** The stages of a run, in their order. */
export const STAGES = [
  'collect',
  'prepare',
  'plan',
  'upload',
  'train',
  'evaluate',
  'select',
  'test',
  'report',
  'propose',
  'done',
] as const;
export type Stage = (typeof STAGES)[number];

export type CandidateStage =
  | 'waiting'
  | 'training'
  | 'trained'
  | 'evaluating'
  | 'evaluated'
  /** The candidate was behind the others, and its job was cancelled early. */
  | 'stopped'
  | 'failed'
  | 'cancelled'
  | 'skipped';

/** The progress of a run; small, because it is sent with every look at it. */
export interface RunProgress {
  stage: Stage;
  /** Null while the run goes on. */
  paused: PauseReason | null;
  /** One line about the dataset, once there is one. */
  dataset: string | null;
  estimate: string | null;
  candidates: CandidateProgress[];
  winner: string | null;
  verdict: string | null;
}

export interface CandidateProgress {
  id: string;
  stage: CandidateStage;
  score: number | null;
  costPer1kUsd: number | null;
  p95Ms: number | null;
  note: string | null;
}

/** Whether a model, for example a winner, belongs to this candidate: it is the candidate's own model or a checkpoint of it. */
export function belongsToCandidate(model: string, candidate: string): boolean {
  return model === candidate || model.startsWith(`${candidate}@`);
}
