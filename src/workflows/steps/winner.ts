import { proxyActivities, upsertSearchAttributes } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { LOCAL_STEP } from '../../contract/activity-options.ts';
import { BEST_SCORE, WINNER } from '../../contract/search-attributes.ts';
import type { Selection } from '../../core/evaluation/selection.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Contending } from '../../core/run/contenders.ts';
import type { SelectWinnerInput } from '../../core/run/winner-choice.ts';
import type { RunStatus } from './run-status.ts';

const { selectWinner } = proxyActivities<Activities>(LOCAL_STEP);

export interface ChosenWinner {
  selection: Selection;
  /** Null where no contender passed the limits. */
  winner: Contending | null;
  /** The number of models that the winner was chosen from. */
  chosenAmong: number;
}

/** Chooses the winner among the contenders that were trained on all rows and have a score. */
export async function chooseWinner(
  definition: ArtifactRef,
  contenders: readonly Contending[],
  status: RunStatus,
): Promise<ChosenWinner> {
  const eligible = contenders.filter(({ candidate }) => !candidate.half).flatMap(scoredContender);
  const selection = await selectWinner.executeWithOptions({ summary: `one of ${eligible.length} models` }, [
    { definition, contenders: eligible },
  ]);
  const winner = contenders.find(({ id }) => id === selection.winner) ?? null;
  status.progress.winner = selection.winner;
  for (const [id, note] of Object.entries(selection.rejected)) status.updateCandidate(id, { note });
  if (winner?.evaluation) {
    upsertSearchAttributes([
      { key: WINNER, value: winner.id },
      { key: BEST_SCORE, value: winner.evaluation.score },
    ]);
  }
  return { selection, winner, chosenAmong: eligible.length };
}

/** A contender as the choice of a winner sees it; absent for a model that has no score. */
export function scoredContender({ id, evaluation }: Contending): SelectWinnerInput['contenders'] {
  if (!evaluation?.predictions) return [];
  const { predictions, costPer1kUsd, p95Ms, invalid } = evaluation;
  return [{ id, predictions, costPer1kUsd, p95Ms, invalid: invalid ?? 0 }];
}
