import {
  executeChild,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import { DEPLOYMENT, LOCAL_STEP, NOTIFY } from '../contract/activity-options.ts';
import { runId, runName } from '../contract/ids.ts';
import type { FineTuningPipelineInput } from '../contract/messages.ts';
import { STAGE, VERDICT } from '../contract/search-attributes.ts';
import type { DeployedModel } from '../core/deployment/deployed-model.ts';
import type { DeploymentState } from '../core/deployment/deployment.ts';
import type { Notification } from '../core/deployment/notification.ts';
import {
  type Champion,
  type RetrainingInput,
  type RetrainingReason,
  retrainingReason,
} from '../core/deployment/retraining-reason.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { Dataset } from '../core/run/dataset.ts';
import type { Pipeline } from '../core/run/pipeline.ts';
import type { RetrainingResult } from '../core/run/retraining-result.ts';
import { fineTuningPipeline } from './fine-tuning-pipeline.ts';
import { Evaluations, servedAs } from './steps/evaluation.ts';
import { asCancellation, reasonOf, wasCancelled } from './steps/failure-reason.ts';
import { Leases } from './steps/leases.ts';
import { Pause } from './steps/pause.ts';
import { RunBudget } from './steps/run-budget.ts';

const { loadPipeline, collect, prepare, compareData } = proxyActivities<Activities>(LOCAL_STEP);
// No person waits for this workflow: a provider that is away for some minutes should not pause a schedule.
const { readDeployment, inspectChampion } = proxyActivities<Activities>(DEPLOYMENT);
const { notify } = proxyActivities<Activities>(NOTIFY);

/**
 * Looks at the newest data, and runs the pipeline if there is a reason: enough new examples, drift that the champion suffers from, or its
 * end at the provider. The result goes to the deployment, as with any run.
 */
export async function retraining({ definition }: FineTuningPipelineInput): Promise<RetrainingResult> {
  const about: About = { definition, pipeline: null, deployment: null, run: null };
  try {
    return await retrain(about);
  } catch (error) {
    const end = asCancellation(error);
    if (!isCancellation(end)) await tell('retraining.failed', reasonOf(error), about);
    throw end;
  }
}

/** The findings of a look so far. */
interface About {
  definition: ArtifactRef;
  pipeline: Pipeline | null;
  deployment: DeploymentState | null;
  run: string | null;
}

async function retrain(about: About): Promise<RetrainingResult> {
  const { definition } = about;
  const enter = (stage: string, text: string) => {
    upsertSearchAttributes([{ key: STAGE, value: stage }]);
    setCurrentDetails(text);
  };
  const pause = new Pause((reason) =>
    enter(reason ? 'paused' : 'look', reason ? `**Paused: ${reason.code}.** ${reason.message}` : ''),
  );

  enter('look', 'Looking at what is new in the log');
  const pipeline = await loadPipeline.executeWithOptions({ summary: 'the pipeline' }, [{ definition }]);
  about.pipeline = pipeline;
  const snapshot = await pause.around(() =>
    collect.executeWithOptions({ summary: 'read the production log' }, [{ definition }]),
  );
  const dataset = await pause.around(() =>
    prepare.executeWithOptions({ summary: `strip, clean, split ${snapshot.rows} rows` }, [{ definition, snapshot }]),
  );
  about.deployment = await readDeployment.executeWithOptions({ summary: 'read the deployment' }, [{ definition }]);
  const found = await reasonToTrain({ definition, pipeline, dataset, pause }, about.deployment);
  const { reason } = found;
  const base = { pipeline: pipeline.name, reason, datasetVersion: dataset.summary.version };
  if (!found.train) {
    enter('skipped', `**Skipped.** ${reason}`);
    upsertSearchAttributes([{ key: VERDICT, value: `skipped: ${found.because}` }]);
    upsertMemo({ result: { outcome: 'skipped', reason } });
    await tell('retraining.skipped', reason, about);
    return { ...base, outcome: 'skipped', run: null };
  }

  const run = runId(pipeline.name, runName(new Date()));
  about.run = run;
  enter('train', `**Training.** ${reason} Run \`${run}\``);
  const result = await executeChild(fineTuningPipeline, {
    workflowId: run,
    args: [{ definition }],
    memo: { definition },
    staticSummary: `${pipeline.task}: ${pipeline.name}`,
    staticDetails: `Retraining: ${reason}`,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    parentClosePolicy: 'REQUEST_CANCEL',
  });
  const { recommendation, promotion, decision, reportPath } = result;
  enter('done', `**Trained**, in run \`${run}\`. ${reason}\n\n${recommendation}: ${promotion.why}`);
  upsertSearchAttributes([{ key: VERDICT, value: decision?.kind ?? recommendation }]);
  upsertMemo({ result: { outcome: 'trained', reason, run, recommendation, decision: decision?.kind ?? null } });
  return {
    ...base,
    outcome: 'trained',
    run: { runId: run, recommendation, reason: result.reason, promotion, decision, reportPath },
  };
}

/** Sends a message to people; a message that cannot be delivered changes nothing. */
async function tell(type: Notification['type'], text: string, about: About): Promise<void> {
  const { definition, pipeline, deployment, run } = about;
  if (!pipeline?.notify) return;
  const message: Notification = {
    id: `${workflowInfo().workflowId}-${type}`,
    type,
    pipeline: pipeline.name,
    run,
    model: deployment?.champion?.model ?? null,
    decision: deployment?.decision ?? 0,
    at: new Date().toISOString(),
    text,
  };
  await notify.executeWithOptions({ summary: type }, [{ definition, message }]).catch((error: unknown) => {
    if (wasCancelled(error)) throw error;
  });
}

interface Look {
  definition: ArtifactRef;
  pipeline: Pipeline;
  dataset: Dataset;
  pause: Pause;
}

async function reasonToTrain(look: Look, { champion, lastRun, decisions }: DeploymentState): Promise<RetrainingReason> {
  const { definition, pipeline, dataset } = look;
  const data = lastRun
    ? await compareData.executeWithOptions({ summary: `what is new since ${lastRun.datasetVersion}` }, [
        { manifest: dataset.manifest, since: lastRun.manifest },
      ])
    : null;
  const rows = data?.fresh.rows ?? 0;
  const inspected = champion
    ? await inspectChampion.executeWithOptions({ summary: `how long ${champion.model} may be called` }, [
        { definition, champion, manifest: dataset.manifest, rows },
      ])
    : null;
  const serving = champion && inspected && { ...inspected, test: champion.judged };
  const known: RetrainingInput = {
    newestRun: lastRun &&
      data && {
        version: lastRun.datasetVersion,
        examples: data.examples,
        endedAt: decisions.find(({ run }) => run === lastRun.run)?.at ?? null,
        madeChampion: champion?.run === lastRun.run,
      },
    newExamples: data?.newExamples ?? 0,
    drift: data?.drift ?? null,
    champion: serving && { ...serving, score: null },
    now: Date.now(),
    settings: pipeline.retraining,
  };
  const found = retrainingReason(known);
  // The champion is asked only where its answer decides.
  if (found.train || found.because !== 'champion not asked' || !champion?.judged || !serving || !data) return found;
  const budget = new RunBudget(pipeline.budget_usd ?? null, serving.monthly);
  const score = await scoreOf(champion, { ...look, examples: data.fresh, budget, usd: serving.askUsd });
  return retrainingReason({ ...known, champion: { ...serving, score } });
}

/** The champion's score on new examples, or why it was not asked. */
async function scoreOf(
  champion: DeployedModel,
  ask: Look & { examples: ArtifactRef; budget: RunBudget; usd: number | null },
): Promise<Champion['score']> {
  const { definition, pipeline, dataset, pause, budget, examples, usd } = ask;
  if (pipeline.evaluation.judge) return { notAsked: 'a judge would have to be paid' };
  const reserved = await budget.reserve([{ what: 'champion on new examples', usd }] as const);
  if ('refused' in reserved) return { notAsked: reserved.refused };
  const [reservation] = reserved;
  const { template, manifest } = dataset;
  const evaluations = new Evaluations({
    definition,
    template,
    manifest,
    budget,
    pause,
    // A champion that needs a lease has one.
    leases: new Leases(definition, budget),
    terms: null,
    concurrency: pipeline.evaluation.concurrency,
    judge: null,
  });
  const subject = servedAs('champion', champion);
  const evaluated = await evaluations.evaluate({ name: 'new', examples }, [{ subject, reservation }]);
  const { evaluation = null, failure = null } = evaluated.get('champion') ?? {};
  const { score = null, scoreInterval: interval = null, n = 0 } = evaluation ?? {};
  if (score === null || !interval) return { notAsked: failure ?? 'none of its answers has a score' };
  return { score, interval, n };
}
