import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { WithStartWorkflowOperation, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import type { Alias, ServedModel } from '@tuneloop/app/internal/predict/alias';
import { readAlias } from '@tuneloop/app/internal/predict/alias-reader';
import { deploymentId } from '../contract/ids.ts';
import { deploymentQuery, type ProposeInput, proposeUpdate, WORKFLOWS } from '../contract/messages.ts';
import { PIPELINE } from '../contract/search-attributes.ts';
import { MANIFEST } from '../contract/stored/manifest.ts';
import { TEMPLATE } from '../contract/stored/template.ts';
import { WRITTEN_BY } from '../contract/stored/written-by.ts';
import type { DeployedModel } from '../core/deployment/deployed-model.ts';
import { type Decision, type DeploymentState, newDeployment } from '../core/deployment/deployment.ts';
import { promotionPolicy } from '../core/deployment/promotion.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { ProviderChoice } from '../core/run/pipeline.ts';
import type { ProposeWinnerInput } from '../core/run/proposal.ts';
import { constraintFields } from '../providers/constraint.ts';
import type { Model } from '../providers/inference.ts';
import { writeAlias } from '../stores/aliases.ts';
import { stateInAlias } from '../stores/state-in-alias.ts';
import { loadStored } from '../stores/stored-objects.ts';
import { constraintOf } from './support/constraint.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

/** Longer than an update takes, and shorter than the attempt: a deployment that does not answer is asked again. */
const ANSWER_TIMEOUT_MS = 10_000;

/** The deployment of a pipeline; one without any decision before the first proposal. */
export function createReadDeployment(dependencies: Dependencies) {
  return async ({ definition }: { definition: ArtifactRef }): Promise<DeploymentState> => {
    const { temporal, home } = dependencies;
    const { name: pipeline } = await loadPipeline(dependencies, definition);
    try {
      return await temporal.withDeadline(Date.now() + ANSWER_TIMEOUT_MS, () =>
        temporal.workflow.getHandle(deploymentId(pipeline)).query(deploymentQuery),
      );
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      // If the server has lost the deployment, the alias still names the serving model.
      const alias = await readAlias(home, pipeline);
      return (alias && stateInAlias(alias)) ?? newDeployment(pipeline);
    }
  };
}

/** Between two looks at the deployment another decision may have changed it. */
const TRIES = 5;

/** Hands the result of the calling run over to the deployment of its pipeline, which is opened by the first one. */
export function createProposeWinner(dependencies: Dependencies) {
  const read = createReadDeployment(dependencies);
  return async ({ against, ...input }: ProposeWinnerInput): Promise<Decision> => {
    const { temporal } = dependencies;
    const { workflowExecution, taskQueue } = Context.current().info;
    const run = workflowExecution?.workflowId ?? '';
    const pipeline = await loadPipeline(dependencies, input.definition);
    const policy = promotionPolicy(pipeline.promotion);
    for (let attempt = 1; ; attempt += 1) {
      const state = await read({ definition: input.definition });
      // An earlier attempt may have done it, and its answer was lost.
      const done =
        state.lastRun?.run === run ? state.decisions.findLast((decision) => decision.run === run) : undefined;
      if (done) return done;
      const champion = state.champion?.model ?? null;
      const stale = champion !== against && input.winner !== null;
      const proposal: ProposeInput = {
        ...input,
        run,
        by: 'run',
        policy,
        decision: state.decision,
        ...(stale
          ? {
              winner: null,
              why: `The champion changed while the run went on: the winner was compared with ${against ?? 'the original prompt'}, and ${champion ?? 'the original prompt'} serves now.`,
            }
          : {}),
      };
      const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOWS.deployment, {
        workflowId: deploymentId(pipeline.name),
        workflowIdConflictPolicy: 'USE_EXISTING',
        taskQueue,
        args: [{ state }],
        staticSummary: `the deployment of ${pipeline.name}`,
        typedSearchAttributes: new TypedSearchAttributes([{ key: PIPELINE, value: pipeline.name }]),
      });
      try {
        return await temporal.withDeadline(Date.now() + ANSWER_TIMEOUT_MS, () =>
          temporal.workflow.executeUpdateWithStart(proposeUpdate, {
            startWorkflowOperation,
            args: [proposal],
            updateId: `propose/${run}`,
          }),
        );
      } catch (error) {
        if (!(error instanceof WorkflowUpdateFailedError) || attempt === TRIES) throw error;
      }
    }
  };
}

/** Writes the alias, from which applications know the model to call. */
export function createWriteAlias(dependencies: Dependencies) {
  return async ({ state }: { state: DeploymentState }): Promise<void> => {
    const { artifacts, home, log } = dependencies;
    const { champion, challenger, lastRun } = state;
    if (!lastRun) throw new Error(`${state.pipeline} has a decision and no run`);
    const canary = challenger?.state.kind === 'canary' ? { model: challenger, share: challenger.state.share } : null;
    // The address and the form of answers are those of the serving model.
    const pipeline = await loadPipeline(dependencies, (champion ?? canary?.model ?? lastRun).definition);
    const manifest = await loadStored(MANIFEST, artifacts, lastRun.manifest);
    const { inference } = dependencies.connectProvider(pipeline.provider);
    // An unknown date is no reason to leave a decision without effect.
    const models = await Promise.race([
      inference.listModels(),
      delay<Model[]>(MODELS_TIMEOUT_MS, [], { ref: false }),
    ]).catch(() => []);
    const served = async (model: DeployedModel) => {
      const own = await loadPipeline(dependencies, model.definition);
      const { provider } = own;
      const isOther = JSON.stringify(provider) !== JSON.stringify(pipeline.provider);
      const answered = await servedModel(dependencies, model, isOther ? provider : null, models);
      const held = await constraintOf(own, answered.labels && new Set(answered.labels));
      if (!held) return answered;
      return { ...answered, constraint: constraintFields(dependencies.connectProvider(provider).profile, held) };
    };
    const schemaFile = pipeline.evaluation.json_schema;
    const jsonSchema: unknown = schemaFile
      ? await readFile(schemaFile, 'utf8').then(JSON.parse, (error: unknown) => {
          log.warn({ file: schemaFile, reason: String(error) }, 'answers are served without a check of their form');
          return null;
        })
      : null;
    const alias: Alias = {
      format: 1,
      pipeline: state.pipeline,
      task: pipeline.task,
      decision: state.decision,
      writtenAt: new Date().toISOString(),
      writtenBy: WRITTEN_BY,
      provider: pipeline.provider,
      champion: champion && (await served(champion)),
      canary: canary && { ...(await served(canary.model)), share: canary.share },
      original: {
        model: lastRun.originalModel,
        ...(pipeline.original_provider && { provider: pipeline.original_provider }),
        template: await loadStored(TEMPLATE, artifacts, manifest.template.ref),
      },
      jsonSchema,
      maxOutputTokens: pipeline.evaluation.max_output_tokens ?? null,
      state: { ...state, decisions: state.decisions.slice(-DECISIONS_IN_ALIAS) },
    };
    await writeAlias(home, alias);
  };
}

const MODELS_TIMEOUT_MS = 10_000;

/** An alias is read often. */
const DECISIONS_IN_ALIAS = 20;

async function servedModel(
  { artifacts }: Dependencies,
  { model, baseModel, treatment, manifest: ref, lease }: DeployedModel,
  provider: ProviderChoice | null,
  models: readonly Model[],
): Promise<ServedModel> {
  const manifest = await loadStored(MANIFEST, artifacts, ref);
  const known = models.find(({ id }) => id === model) ?? models.find(({ id }) => id === baseModel);
  return {
    model,
    ...(lease && { callAs: lease.callAs }),
    ...(provider && { provider }),
    treatment,
    template: await loadStored(TEMPLATE, artifacts, manifest.template.ref),
    labels: manifest.labels && Object.keys(manifest.labels).sort(),
    shutdownDate: known?.shutdownDate?.toISOString() ?? null,
  };
}
