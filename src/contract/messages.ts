import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Decision, DeploymentState, PersonalDecision, Proposal } from '../core/deployment/deployment.ts';
import type { DeploymentRemarks } from '../core/deployment/render.ts';
import type { AccountState } from '../core/run/account.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { DeploymentProgress } from '../core/run/deployment-progress.ts';
import type { EpochReport } from '../core/run/early-stop.ts';
import type { JobInput } from '../core/run/job-input.ts';
import type { JobOutcome } from '../core/run/job-outcome.ts';
import type { LabellingProgress, LabellingResult } from '../core/run/labelling.ts';
import type { MonthlySpending } from '../core/run/monthly-spending.ts';
import type { PauseReason } from '../core/run/pause-reason.ts';
import type { RetrainingResult } from '../core/run/retraining-result.ts';
import type { RunProgress } from '../core/run/run-progress.ts';
import type { RunResult } from '../core/run/run-result.ts';
import type { SweepResult } from '../core/run/sweep-result.ts';

/**
 * The names of workflows and their messages. Workflows, activities and clients all import these definitions, so that a name is written once
 * and the type checker knows its types. Names are kept in histories: they never change.
 */

/** Input of the workflows that work for one pipeline. */
export interface FineTuningPipelineInput {
  /**
   * The checked pipeline, as stored by the client. A reference and not the text, so that a caller who can start a workflow still cannot
   * name a path or an address.
   */
  definition: ArtifactRef;
}

export interface FineTuningJobInput extends JobInput {
  /** Whether the parent is told, by the signal {@link epochEndedSignal}, of the end of each of the first epochs. */
  reportEpochs: boolean;
}

export interface LabellingInput {
  /** The checked pipeline, as stored by the client, with `source.actuals` filled in. */
  definition: ArtifactRef;
  /** The largest number of rows to ask for; null for all. */
  limit: number | null;
}

export interface DeploymentInput {
  state: DeploymentState;
  /** The progress of the execution before; absent at the beginning. */
  progress?: DeploymentProgress;
}

/**
 * All workflows by their names. Each is a stand-in with the name and the type of the workflow, for `client.workflow.start` and for child
 * workflows; only a worker has the implementation.
 */
export const WORKFLOWS = {
  fineTuningPipeline: defineWorkflow<[input: FineTuningPipelineInput], RunResult>('fineTuningPipeline'),
  fineTuningJob: defineWorkflow<[input: FineTuningJobInput], JobOutcome>('fineTuningJob'),
  retraining: defineWorkflow<[input: FineTuningPipelineInput], RetrainingResult>('retraining'),
  labelling: defineWorkflow<[input: LabellingInput], LabellingResult>('labelling'),
  deployment: defineWorkflow<[input: DeploymentInput], never>('deployment'),
  monthlyBudget: defineWorkflow<[state?: AccountState], MonthlySpending>('monthlyBudget'),
  orphanSweep: defineWorkflow<[], SweepResult>('orphanSweep'),
} as const;

// Runs: `fineTuningPipeline`.

export const progressQuery = defineQuery<RunProgress>('progress');
/** Sent by the job of a candidate at the end of each of its first epochs. */
export const epochEndedSignal = defineSignal<[EpochReport]>('epochEnded');

// Workflows that can pause: `fineTuningPipeline`, `retraining`, `labelling`.

/** Resumes a paused workflow; answers with the reason of the pause. Refused with RUN_NOT_PAUSED where it is not paused. */
export const resumeUpdate = defineUpdate<PauseReason, []>('resume');

// Jobs: `fineTuningJob`.

/** Cancels the job of a candidate that is far behind, for this reason. A job that has ended by then is left as it is. */
export const stopSignal = defineSignal<[reason: string]>('stop');
/** Says that the job may have ended: the provider is asked now, and not at the next poll. No other content is trusted. */
export const wakeSignal = defineSignal('wake');

// Labelling: `labelling`.

export const labellingProgressQuery = defineQuery<LabellingProgress>('progress');

// Deployments: `deployment`. Each update is refused with DEPLOYMENT_CHANGED unless it names the newest decision.

export type ProposeInput = Proposal & { decision: number };
export type SetCanaryInput = PersonalDecision & {
  /** The share of the calls, 0 to 1. */
  share: number;
};

export const proposeUpdate = defineUpdate<Decision, [ProposeInput]>('propose');
export const approveUpdate = defineUpdate<Decision, [PersonalDecision]>('approve');
export const rejectUpdate = defineUpdate<Decision, [PersonalDecision]>('reject');
export const rollbackUpdate = defineUpdate<Decision, [PersonalDecision]>('rollback');
export const setCanaryUpdate = defineUpdate<Decision, [SetCanaryInput]>('setCanary');
export const deploymentQuery = defineQuery<DeploymentState>('deployment');
export const remarksQuery = defineQuery<DeploymentRemarks>('remarks');

// The account of a month: `monthlyBudget`.

export interface ReserveInput {
  /** Unique to this piece of work: a reservation that is requested twice is made once. */
  id: string;
  usd: number;
  /** Null for a cost that has arisen already: it counts even beyond the cap. */
  capUsd: number | null;
}

export interface SettleInput {
  id: string;
  /** Null where the cost is not known: the whole reservation counts as spent. */
  usd: number | null;
}

/** Answers with the reason of a refusal, or null where the money is held back. */
export const reserveUpdate = defineUpdate<string | null, [ReserveInput]>('reserve');
export const settleUpdate = defineUpdate<void, [SettleInput]>('settle');
export const spendingQuery = defineQuery<MonthlySpending>('spending');

/** A function that stands for a workflow: it has its name and its type, and refuses to run. */
function defineWorkflow<Inputs extends unknown[], Result>(name: string): (...inputs: Inputs) => Promise<Result> {
  const definition = async (..._inputs: Inputs): Promise<Result> => {
    throw new Error(`${name} is the definition of a workflow: start it, and a worker runs it`);
  };
  return Object.defineProperty(definition, 'name', { value: name });
}
