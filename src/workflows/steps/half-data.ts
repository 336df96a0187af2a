import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { LOCAL_STEP } from '../../contract/activity-options.ts';
import type { Comparison } from '../../core/evaluation/comparison.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Contending } from '../../core/run/contenders.ts';
import type { Candidate } from '../../core/run/plan.ts';

const { compareModels } = proxyActivities<Activities>(LOCAL_STEP);

/** All training rows against half of them, with the same settings; null where one of the two is missing. */
export async function compareHalfData(
  definition: ArtifactRef,
  contenders: readonly Contending[],
): Promise<Comparison | null> {
  const pair = halfDataPair(contenders);
  const [all, half] = [pair?.all.evaluation?.predictions, pair?.half.evaluation?.predictions];
  if (!all || !half) return null;
  const [comparison = null] = await compareModels.executeWithOptions({ summary: 'all rows against half of them' }, [
    { definition, winner: all, others: [half], chosenAmong: 1 },
  ]);
  return comparison;
}

/** The final model that was trained on half of the rows, and the one with the same settings that was trained on all. */
export function halfDataPair(contenders: readonly Contending[]): { all: Contending; half: Contending } | null {
  const final = contenders.filter(({ epoch }) => epoch === null);
  const half = final.find(({ candidate }) => candidate.half);
  const all = half && final.find(({ candidate }) => !candidate.half && hasSameSettings(candidate, half.candidate));
  return all ? { all, half } : null;
}

function hasSameSettings(one: Candidate, other: Candidate): boolean {
  const settings = ({ baseModel, treatment, hyperparameters }: Candidate) =>
    JSON.stringify([baseModel, treatment, hyperparameters]);
  return settings(one) === settings(other);
}
