import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { createAwaitJob } from './await-job.ts';
import { createCancelJobs } from './cancel-jobs.ts';
import { createCollect } from './collect.ts';
import { createCreateJob } from './create-job.ts';
import { type Dependencies, loadPipeline } from './dependencies.ts';
import { createEvaluateModel } from './evaluate-model.ts';
import { createEvaluateRecorded } from './evaluate-recorded.ts';
import { toFailure } from './failure.ts';
import { createPlan } from './plan.ts';
import { createPrepare } from './prepare.ts';
import { createUploadFile } from './upload-file.ts';
import { createWriteReport } from './write-report.ts';

export type Activities = ReturnType<typeof createActivities>;

/** The activities of the worker, one a pipeline step. */
export function createActivities(dependencies: Dependencies) {
  return withFailures({
    loadPipeline: ({ definition }: { definition: ArtifactRef }) => loadPipeline(dependencies, definition),
    collect: createCollect(dependencies),
    prepare: createPrepare(dependencies),
    plan: keptAlive(createPlan(dependencies)),
    uploadFile: keptAlive(createUploadFile(dependencies)),
    createJob: keptAlive(createCreateJob(dependencies)),
    awaitJob: createAwaitJob(dependencies),
    cancelJobs: keptAlive(createCancelJobs(dependencies)),
    evaluateModel: createEvaluateModel(dependencies),
    evaluateRecorded: createEvaluateRecorded(dependencies),
    writeReport: createWriteReport(dependencies),
  });
}

const HEARTBEAT_MS = 4000;

/** Gives signs of life while an activity waits for a provider, so that a dead worker is noticed within seconds. */
function keptAlive<Input, Output>(activity: (input: Input) => Promise<Output>): (input: Input) => Promise<Output> {
  return async (input) => {
    const context = Context.current();
    context.heartbeat();
    const heartbeat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
    try {
      return await activity(input);
    } finally {
      clearInterval(heartbeat);
    }
  };
}

/** Every error leaves an activity as a failure that says whether to try again; see `failure.ts`. */
// biome-ignore lint/suspicious/noExplicitAny: the only type that takes functions of any arguments and gives them back
function withFailures<T extends Record<string, (input: any) => Promise<unknown>>>(activities: T): T {
  return Object.fromEntries(
    Object.entries(activities).map(([name, activity]) => [
      name,
      async (input: unknown) => {
        try {
          return await activity(input);
        } catch (error) {
          const failure = toFailure(error);
          // Known errors explain themselves; their stack would only fill the history.
          if (failure instanceof ApplicationFailure && failure.type !== 'INTERNAL') failure.stack = '';
          throw failure;
        }
      },
    ]),
  ) as T;
}
