import type { Client } from '@temporalio/client';
import { readAlias } from '@tuneloop/app/internal/predict/alias-reader';
import { routeCall } from '@tuneloop/app/internal/predict/route';
import type { Environment } from '../config/environment.ts';
import type { Completion } from '../core/evaluation/completion.ts';
import { TuneloopError } from '../errors.ts';
import { connectProvider } from '../providers/connect.ts';
import { trainerUrlOf } from '../stores/services-file.ts';
import { describeRun, pipelineOf, type RunHandle, runJson } from './runs.ts';
import { asTuneloopError } from './session.ts';

/** An answer of a model. `arm` is the share that the call belongs to, if a deployment was asked. */
export type PredictedAnswer = { model: string; arm?: string } & Completion;

/**
 * Asks the winner of a run, with the input alone.
 *
 * @throws TuneloopError RUN_NOT_FOUND where there is no run or no winner, PROVIDER_* where the provider does not answer
 */
export async function predictByRun(
  client: Client,
  environment: Environment,
  id: string,
  text: string,
): Promise<PredictedAnswer> {
  const handle: RunHandle = client.workflow.getHandle(id);
  const pipeline = await pipelineOf(environment, await describeRun(handle));
  const { winnerModel, status } = await runJson(handle);
  if (!winnerModel) throw new TuneloopError('RUN_NOT_FOUND', `${id} has no winner (it is ${status})`);
  const { inference, profile } = connectProvider(pipeline.provider, trainerUrlOf(environment));
  if (profile.serving.start === 'lease') {
    throw new TuneloopError(
      'DEPLOYMENT_NOT_FOUND',
      `${winnerModel} needs a serving lease at ${profile.name}, which a deployment has and a run no longer: approve it, and name the pipeline ${pipeline.name}`,
    );
  }
  const answer = await asTuneloopError(
    inference.complete({ model: winnerModel, messages: [{ role: 'user', content: text }] }),
  );
  return { model: winnerModel, ...answer };
}

/**
 * Asks the serving model of a pipeline, as an application would: by the alias, so that only the provider has to answer.
 *
 * @throws TuneloopError DEPLOYMENT_NOT_FOUND, or PROVIDER_* where the provider does not answer
 */
export async function predictByDeployment(
  environment: Environment,
  deployment: string,
  text: string,
): Promise<PredictedAnswer> {
  const alias = await readAlias(environment.home, deployment);
  const [attempt] = alias ? routeCall(alias, text, { now: Date.now() }).attempts : [];
  if (!alias || !attempt) {
    throw new TuneloopError(
      'DEPLOYMENT_NOT_FOUND',
      `${deployment} has no model that could be asked: \`tuneloop deployments\` shows the serving models`,
    );
  }
  const { arm, model, callAs, provider = alias.provider, messages } = attempt;
  const { inference } = connectProvider(provider, trainerUrlOf(environment));
  const answer = await asTuneloopError(inference.complete({ model, callAs, messages }));
  return { model, arm, ...answer };
}
