import { Context } from '@temporalio/activity';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { createAwaitJob } from './await-job.ts';
import { createAwaitModel } from './await-model.ts';
import { createCancelJobs } from './cancel-jobs.ts';
import { createCollect } from './collect.ts';
import { createCompareChampion } from './compare-champion.ts';
import { createCompareData } from './compare-data.ts';
import { createCompareModels } from './compare-models.ts';
import { createCreateJob } from './create-job.ts';
import { createProposeWinner, createReadDeployment, createWriteAlias } from './deployment.ts';
import { createEvaluate } from './evaluate.ts';
import { createEvaluateRecorded } from './evaluate-recorded.ts';
import { createFindUnlabelled } from './find-unlabelled.ts';
import { createHalveFile } from './halve-file.ts';
import { createInspectChampion } from './inspect-champion.ts';
import { createKeepAnswers } from './keep-answers.ts';
import { createLabelRows } from './label-rows.ts';
import { createAwaitLease, createCreateLease, createRemoveLease } from './leases.ts';
import { createReserveBudget, createSettleBudget } from './monthly-budget.ts';
import { createNotify } from './notify.ts';
import { createPlan } from './plan.ts';
import { createPrepare } from './prepare.ts';
import { createReadCanary } from './read-canary.ts';
import { createSelectWinner } from './select-winner.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';
import { toFailure } from './support/failure.ts';
import { refuseOversize } from './support/payload-limit.ts';
import { heartbeat } from './support/step-progress.ts';
import { createSweepOrphans } from './sweep-orphans.ts';
import { createUploadFile } from './upload-file.ts';
import { createWriteReport } from './write-report.ts';

export type Activities = ReturnType<typeof createActivities>;

/** The activities of the worker, one a pipeline step. */
export function createActivities(dependencies: Dependencies) {
  return guarded({
    loadPipeline: keptAlive(({ definition }: { definition: ArtifactRef }) => loadPipeline(dependencies, definition)),
    collect: keptAlive(createCollect(dependencies)),
    prepare: keptAlive(createPrepare(dependencies)),
    plan: keptAlive(createPlan(dependencies)),
    halveFile: keptAlive(createHalveFile(dependencies)),
    uploadFile: keptAlive(createUploadFile(dependencies)),
    createJob: keptAlive(createCreateJob(dependencies)),
    awaitJob: createAwaitJob(dependencies),
    awaitModel: createAwaitModel(dependencies),
    cancelJobs: keptAlive(createCancelJobs(dependencies)),
    createLease: keptAlive(createCreateLease(dependencies)),
    awaitLease: createAwaitLease(dependencies),
    removeLease: keptAlive(createRemoveLease(dependencies)),
    evaluate: createEvaluate(dependencies),
    evaluateRecorded: keptAlive(createEvaluateRecorded(dependencies)),
    selectWinner: keptAlive(createSelectWinner(dependencies)),
    compareModels: keptAlive(createCompareModels(dependencies)),
    compareWithChampion: keptAlive(createCompareChampion(dependencies)),
    findUnlabelled: keptAlive(createFindUnlabelled(dependencies)),
    labelRows: keptAlive(createLabelRows(dependencies)),
    keepAnswers: keptAlive(createKeepAnswers(dependencies)),
    writeReport: keptAlive(createWriteReport(dependencies)),
    compareData: keptAlive(createCompareData(dependencies)),
    inspectChampion: keptAlive(createInspectChampion(dependencies)),
    readDeployment: keptAlive(createReadDeployment(dependencies)),
    proposeWinner: keptAlive(createProposeWinner(dependencies)),
    writeAlias: keptAlive(createWriteAlias(dependencies)),
    readCanary: keptAlive(createReadCanary(dependencies)),
    notify: createNotify(dependencies),
    reserveBudget: createReserveBudget(dependencies),
    settleBudget: createSettleBudget(dependencies),
    sweepOrphans: keptAlive(createSweepOrphans(dependencies)),
  });
}

const HEARTBEAT_MS = 4000;

/** Sends heartbeats while an activity works or waits, so that a dead worker is noticed within seconds. */
function keptAlive<Inputs extends unknown[], Output>(
  activity: (...inputs: Inputs) => Promise<Output>,
): (...inputs: Inputs) => Promise<Output> {
  return async (...inputs) => {
    const context = Context.current();
    context.heartbeat();
    const timer = setInterval(() => heartbeat(context), HEARTBEAT_MS);
    try {
      return await activity(...inputs);
    } finally {
      clearInterval(timer);
    }
  };
}

/**
 * Every error leaves an activity as a failure that says whether to retry; see `failure.ts`. Inputs are measured before the activity does
 * anything, and so before it pays for anything.
 */
// biome-ignore lint/suspicious/noExplicitAny: the only type that takes functions of any arguments and gives them back
function guarded<T extends Record<string, (input: any) => Promise<unknown>>>(activities: T): T {
  return Object.fromEntries(
    Object.entries(activities).map(([name, activity]) => [
      name,
      async (input: unknown) => {
        try {
          refuseOversize(name, 'input', input);
          const result = await activity(input);
          refuseOversize(name, 'result', result);
          return result;
        } catch (error) {
          throw toFailure(error);
        }
      },
    ]),
  ) as T;
}
