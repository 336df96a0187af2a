import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { DEFINITION } from '../config/definition.ts';
import type { Environment } from '../config/environment.ts';
import { actualsFile, readPipelineFile } from '../config/pipeline-file.ts';
import { labellingId } from '../contract/ids.ts';
import { labellingProgressQuery, WORKFLOWS } from '../contract/messages.ts';
import { PIPELINE } from '../contract/search-attributes.ts';
import type { LabellingProgress, LabellingResult } from '../core/run/labelling.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
import { TuneloopError } from '../errors.ts';
import { saveStored } from '../stores/stored-objects.ts';
import { askIfAnswered, followUntilEnded } from './follow.ts';
import { artifactsOf, endWithoutResult, stepProgressOf } from './runs.ts';

/** A pipeline with a file that answers can be added to. @throws TuneloopError PIPELINE_INVALID */
export async function readPipelineWithActuals(file: string): Promise<PipelineWithActuals> {
  const pipeline = await readPipelineFile(file);
  const { name, source } = pipeline;
  const actuals = source.actuals ?? actualsFile(file, { name });
  if (/[*?[\]{}]|\.gz$/.test(actuals)) {
    throw new TuneloopError(
      'PIPELINE_INVALID',
      `${file}: source.actuals is ${actuals}, and answers can be added to one plain file only: name that file`,
    );
  }
  return { ...pipeline, source: { ...source, actuals } };
}

export type PipelineWithActuals = Pipeline & { source: { actuals: string } };

/** A pipeline that names a teacher model. @throws TuneloopError PIPELINE_INVALID */
export async function readTaughtPipeline(file: string): Promise<PipelineWithActuals> {
  const pipeline = await readPipelineWithActuals(file);
  if (pipeline.labelling) return pipeline;
  throw new TuneloopError(
    'PIPELINE_INVALID',
    `${file}: labelling.model is missing: name the model that answers calls without an answer, as in "labelling: { model: gpt-4.1 }"`,
  );
}

export type LabellingHandle = WorkflowHandle<typeof WORKFLOWS.labelling>;

/** Starts the labelling of a pipeline's log, or finds the running one; `created` says which. */
export async function startLabelling(
  client: Client,
  environment: Environment,
  pipeline: PipelineWithActuals,
  limit: number | null,
): Promise<{ handle: LabellingHandle; created: boolean }> {
  const workflowId = labellingId(pipeline.name);
  const definition = await saveStored(DEFINITION, artifactsOf(environment), pipeline);
  try {
    const handle = await client.workflow.start(WORKFLOWS.labelling, {
      workflowId,
      taskQueue: environment.taskQueue,
      args: [{ definition, limit }],
      typedSearchAttributes: new TypedSearchAttributes([{ key: PIPELINE, value: pipeline.name }]),
      staticSummary: `labels the log of ${pipeline.name}`,
    });
    return { handle, created: true };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return { handle: client.workflow.getHandle<typeof WORKFLOWS.labelling>(workflowId), created: false };
  }
}

/** The view of a running labelling. */
export interface LabellingLook {
  progress: LabellingProgress;
  /** The progress of the labelling's step; undefined where it reports none. */
  step: StepProgress | undefined;
}

export interface FollowLabellingOptions {
  /** Ends the following with the signal's reason; the labelling itself continues. */
  signal?: AbortSignal;
  /** Is called about every 400 ms while a worker answers. */
  onLook?: (look: LabellingLook) => void;
}

/** Waits until a labelling has ended. A server that does not answer for a minute ends the waiting. */
export async function followLabelling(
  client: Client,
  handle: LabellingHandle,
  { signal, onLook }: FollowLabellingOptions = {},
): Promise<EndedLabelling> {
  await followUntilEnded(async () => {
    const description = await handle.describe();
    const progress = onLook && (await askIfAnswered(client, () => handle.query(labellingProgressQuery)));
    if (progress) onLook({ progress, step: stepProgressOf(description) });
    return description.status.name !== 'RUNNING';
  }, signal);
  return labellingResult(handle);
}

/** A labelling that has ended, as it is printed with `--json`. */
export type EndedLabelling =
  | ({ labellingId: string; status: 'completed' } & LabellingResult)
  | { labellingId: string; status: 'cancelled' | 'failed'; error: { code: string; message: string } };

/** Waits for the end of a labelling. */
async function labellingResult(handle: LabellingHandle): Promise<EndedLabelling> {
  const id = handle.workflowId;
  try {
    return { labellingId: id, status: 'completed', ...(await handle.result()) };
  } catch (error) {
    return { labellingId: id, ...endWithoutResult(error) };
  }
}
