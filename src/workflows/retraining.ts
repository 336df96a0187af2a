import {
  executeChild,
  proxyActivities,
  setCurrentDetails,
  upsertMemo,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import type { Dataset } from '../activities/prepare.ts';
import type { Pipeline } from '../config/pipeline.ts';
import type { DeployedModel } from '../deployment/deployed-model.ts';
import { type RetrainingInput, retrainingReason } from '../drift/retraining-reason.ts';
import type { RunResult } from '../report/run-result.ts';
import type { ArtifactRef } from '../storage/artifact-store.ts';
import { DEPLOYMENT, LOCAL_STEP, PREFLIGHT } from './activity-options.ts';
import { Evaluations, servedAs } from './evaluation.ts';
import { endOf } from './failure-reason.ts';
import { type FineTuningPipelineInput, fineTuningPipeline } from './fine-tuning-pipeline.ts';
import { runId, runName } from './ids.ts';
import { Pause } from './pause.ts';
import { RunBudget } from './run-budget.ts';
import { STAGE, VERDICT } from './search-attributes.ts';

const { loadPipeline, collect, prepare, compareData } = proxyActivities<Activities>(LOCAL_STEP);
const { inspectChampion } = proxyActivities<Activities>(PREFLIGHT);
const { readDeployment } = proxyActivities<Activities>(DEPLOYMENT);

/** What came of one look at the data. */
export interface RetrainingResult {
  pipeline: string;
  outcome: 'skipped' | 'trained';
  /** Why there was a reason to train, or none. */
  reason: string;
  /** The newest data that was looked at. */
  datasetVersion: string;
  /** What the run has found; null where none was made. */
  run: Pick<RunResult, 'runId' | 'recommendation' | 'reason' | 'promotion' | 'decision' | 'reportPath'> | null;
}

/**
 * Looks at the newest data, and runs the pipeline where there is a reason to: enough new examples, drift that the champion
 * suffers from, or its end at the provider. What the run finds goes to the deployment, as with any run.
 */
export async function retraining({ definition }: FineTuningPipelineInput): Promise<RetrainingResult> {
  try {
    return await retrain(definition);
  } catch (error) {
    throw endOf(error);
  }
}

async function retrain(definition: ArtifactRef): Promise<RetrainingResult> {
  const enter = (stage: string, text: string) => {
    upsertSearchAttributes([{ key: STAGE, value: stage }]);
    setCurrentDetails(text);
  };
  const pause = new Pause((reason) =>
    enter(reason ? 'paused' : 'look', reason ? `**Paused: ${reason.code}.** ${reason.message}` : ''),
  );

  enter('look', 'Looking at what is new in the log');
  const pipeline = await loadPipeline.executeWithOptions({ summary: 'the pipeline' }, [{ definition }]);
  const snapshot = await pause.around(() =>
    collect.executeWithOptions({ summary: 'read the production log' }, [{ definition }]),
  );
  const dataset = await pause.around(() =>
    prepare.executeWithOptions({ summary: `strip, clean, split ${snapshot.rows} rows` }, [{ definition, snapshot }]),
  );
  const { train, reason } = await reasonToTrain({ definition, pipeline, dataset, pause });
  const base = { pipeline: pipeline.name, reason, datasetVersion: dataset.summary.version };
  if (!train) {
    enter('skipped', `**Skipped.** ${reason}`);
    upsertSearchAttributes([{ key: VERDICT, value: 'skipped' }]);
    upsertMemo({ result: { outcome: 'skipped', reason } });
    return { ...base, outcome: 'skipped', run: null };
  }

  const run = runId(pipeline.name, runName(new Date()));
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

interface Look {
  definition: ArtifactRef;
  pipeline: Pipeline;
  dataset: Dataset;
  pause: Pause;
}

async function reasonToTrain(look: Look): Promise<ReturnType<typeof retrainingReason>> {
  const { definition, pipeline, dataset } = look;
  const { champion, lastRun } = await readDeployment.executeWithOptions({ summary: 'what serves now' }, [
    { definition },
  ]);
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
  const known: RetrainingInput = {
    trainedOn: lastRun && data ? { version: lastRun.datasetVersion, examples: data.examples } : null,
    newExamples: data?.newExamples ?? 0,
    drift: data?.drift ?? null,
    championScore: null,
    championTest: champion?.judged ?? null,
    shutdownDate: inspected?.shutdownDate ?? null,
    now: Date.now(),
    settings: pipeline.retraining,
  };
  const found = retrainingReason(known);
  // The champion is asked only where its answer decides.
  if (found.train || !champion || !inspected || !data?.drift?.significant) return found;
  const budget = new RunBudget(pipeline.budget_usd ?? null, inspected.monthly);
  const championScore = await scoreOf(champion, { ...look, examples: data.fresh, budget, usd: inspected.askUsd });
  return retrainingReason({ ...known, championScore });
}

/** How the champion does on new examples; null where it cannot be asked, or a model would have to judge. */
async function scoreOf(
  champion: DeployedModel,
  ask: Look & { examples: ArtifactRef; budget: RunBudget; usd: number | null },
): Promise<RetrainingInput['championScore']> {
  const { definition, pipeline, dataset, pause, budget, examples, usd } = ask;
  if (pipeline.evaluation.judge) return null;
  const reserved = await budget.reserve([{ what: 'champion on new examples', usd }] as const);
  if ('refused' in reserved) return null;
  const [reservation] = reserved;
  const { template, manifest } = dataset;
  const evaluations = new Evaluations({ definition, template, manifest, budget, pause, judge: null });
  const subject = servedAs('champion', champion);
  const evaluated = await evaluations.evaluate({ name: 'new', examples }, [{ subject, reservation }]);
  const { score = null, scoreInterval: interval = null, n = 0 } = evaluated.get('champion')?.evaluation ?? {};
  return score === null || !interval ? null : { score, interval, n };
}
