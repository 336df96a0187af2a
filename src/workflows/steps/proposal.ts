import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/create-activities.ts';
import { DEPLOYMENT } from '../../contract/activity-options.ts';
import type { DeployedModel } from '../../core/deployment/deployed-model.ts';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import type { Contending } from '../../core/run/contenders.ts';
import type { Dataset } from '../../core/run/dataset.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import type { ProposeWinnerInput } from '../../core/run/proposal.ts';
import type { Plan } from '../../core/run/run-plan.ts';
import type { RunResult } from '../../core/run/run-result.ts';
import { wasCancelled } from './failure-reason.ts';

const { proposeWinner } = proxyActivities<Activities>(DEPLOYMENT);

/**
 * Hands the result of the run to the deployment. Null where the deployment cannot be reached in all attempts; the result of the run keeps
 * its findings all the same.
 */
export async function propose(input: ProposeWinnerInput): Promise<RunResult['decision']> {
  const summary = input.winner ? `propose ${input.winner.model}` : 'keep the serving model';
  try {
    const { number, kind, why } = await proposeWinner.executeWithOptions({ summary }, [input]);
    return { number, kind, why };
  } catch (error) {
    if (wasCancelled(error)) throw error;
    return null;
  }
}

/** The model that production asks with the original prompt; null where the log names none, or several. */
export function originalModel(
  { evaluation }: Pick<Pipeline, 'evaluation'>,
  { baseline }: { baseline: Pick<RunResult['baseline'], 'model'> },
): string | null {
  if (evaluation.baseline !== 'recorded') return evaluation.baseline.live;
  return baseline.model?.includes(', ') ? null : baseline.model;
}

/** The winner in the form that can be deployed. */
export function deployableModel(
  { id, model, candidate: { baseModel, treatment } }: Contending,
  { runId, winnerJudged }: Pick<RunResult, 'runId' | 'winnerJudged'>,
  { definition, dataset, plan }: { definition: ArtifactRef; dataset: Dataset; plan: Pick<Plan, 'leases' | 'monthly'> },
): DeployedModel {
  const usdPerHour = (plan.leases?.keptPerHour ?? plan.leases?.perHour)?.[baseModel];
  const { score = null, scoreInterval: interval = null } = winnerJudged ?? {};
  return {
    model,
    baseModel,
    treatment,
    run: runId,
    candidate: id,
    definition,
    datasetVersion: dataset.summary.version,
    manifest: dataset.manifest,
    judged: score !== null && interval ? { score, interval } : null,
    ...(usdPerHour === undefined ? {} : { serving: { usdPerHour, monthly: plan.monthly } }),
  };
}
