import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Completion } from '../core/evaluation/completion.ts';
import { costPer1k, tariffOf } from '../core/evaluation/cost.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { LeaseRequest } from '../core/run/lease.ts';
import { TuneloopError } from '../errors.ts';
import type { Inference } from '../providers/inference.ts';
import { modelId } from '../providers/profile.ts';
import type { Provider } from '../providers/provider.ts';
import { ProviderError } from '../providers/provider-error.ts';
import type { Lease, Serving } from '../providers/serving.ts';
import { Wait } from './await-job.ts';
import { askBriefly } from './await-model.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

/** A serving lease at the provider of a pipeline. */
export interface LeaseInput {
  definition: ArtifactRef;
  lease: LeaseRequest;
}

export type CreatedLease =
  | Pick<Lease, 'callAs' | 'usdPerHour'>
  /** The provider refused for good. Something may be left of it, so that it has to be removed all the same. */
  | { refused: { code: string; message: string } };

/**
 * Creates a serving lease, or takes over the one of its name: an attempt before this one may have created it and died before it could say
 * so. Such an attempt waits first until a new lease must be in the provider's list.
 */
export function createCreateLease(dependencies: Dependencies) {
  return async ({ definition, lease }: LeaseInput): Promise<CreatedLease> => {
    const { serving, training } = await servingOf(dependencies, definition);
    if (Context.current().info.attempt > 1 && !(await serving.find(lease))) await delay(training.settlingMs);
    Context.current().cancellationSignal.throwIfAborted();
    try {
      const { callAs, usdPerHour } = await serving.create(lease);
      return { callAs, usdPerHour };
    } catch (error) {
      if (!(error instanceof ProviderError) || error.retryable) throw error;
      return { refused: { code: error.code, message: error.message } };
    }
  };
}

/** A lease that has just been created may be missing at first. */
const MISSING_MS = 60_000;

/**
 * Asks once whether a lease answers for all of its models, and fails with LEASE_PENDING and the time of the next question while it does
 * not. A model that is unknown while its lease starts is no error. Answers with the cost of asking, in USD.
 *
 * @throws TuneloopError LEASE_FAILED where the lease has failed or is gone, LEASE_NOT_READY past `deadlines.serving_minutes`
 */
export function createAwaitLease(dependencies: Dependencies) {
  return async ({ definition, lease }: LeaseInput): Promise<{ usd: number | null }> => {
    const { deadlines } = await loadPipeline(dependencies, definition);
    const { serving, inference, profile } = await servingOf(dependencies, definition);
    const wait = new Wait(deadlines);
    const notYet = (status: string, waitMs?: number) => wait.goesOn(lease.name, 'serving', status, wait.shown, waitMs);
    let found: Lease | undefined;
    try {
      found = await serving.find(lease);
    } catch (error) {
      throw error instanceof ProviderError ? notYet(`unknown (${error.message})`, error.retryAfterMs) : error;
    }
    if (!found) {
      const { currentAttemptScheduledTimestampMs: now } = Context.current().info;
      if (now - (wait.last?.since ?? now) < MISSING_MS) throw notYet('not in the list yet');
      throw new TuneloopError('LEASE_FAILED', `the serving lease ${lease.name} is no longer there`);
    }
    const { state, status, failure, callAs } = found;
    if (state === 'failed') {
      throw new TuneloopError(
        'LEASE_FAILED',
        `the serving lease ${lease.name} is ${status}${failure ? `: ${failure}` : ''}`,
      );
    }
    if (state === 'starting') throw notYet(status);
    const { silent, answers } = await askEach(inference, lease.models, callAs);
    if (silent && !silent.retryable && silent.status !== 404) throw silent;
    if (silent) throw notYet(`${status}, but does not answer (${silent.message})`, silent.retryAfterMs);
    const costs = answers.map((usage, place) => {
      const tuned = modelId(profile, lease.baseModel) !== modelId(profile, lease.models[place] ?? '');
      return costPer1k(tariffOf(dependencies.prices, profile.billing, lease.baseModel, tuned), usage, 0);
    });
    return {
      usd: costs.reduce<number | null>((sum, usd) => (sum === null || usd === null ? null : sum + usd / 1000), 0),
    };
  };
}

/**
 * Ends a lease; tried again until the provider no longer has it. One that was never seen may be missing from the provider's list still, for
 * example after a creation whose answer was lost: then it is looked for a second time, when it must be in the list.
 *
 * @param input `seen`: whether it has ever answered
 */
export function createRemoveLease(dependencies: Dependencies) {
  return async ({ definition, lease, seen = false }: LeaseInput & { seen?: boolean }): Promise<void> => {
    const { serving, training } = await servingOf(dependencies, definition);
    try {
      await serving.remove(lease);
      if (!seen) {
        await delay(training.settlingMs);
        await serving.remove(lease);
      }
      const left = await serving.find(lease);
      if (left) throw stillThere(`${lease.name} is still ${left.status}`);
    } catch (error) {
      // Even a refusal may pass, with a new key for example, and until then the lease costs money.
      if (error instanceof ProviderError && !error.retryable) throw stillThere(error.message);
      throw error;
    }
  };
}

async function servingOf(
  dependencies: Dependencies,
  definition: ArtifactRef,
): Promise<Pick<Provider, 'training' | 'inference' | 'profile'> & { serving: Serving }> {
  const pipeline = await loadPipeline(dependencies, definition);
  const { serving, training, inference, profile } = dependencies.connectProvider(pipeline.provider);
  if (!serving) throw new TuneloopError('PIPELINE_INVALID', `${profile.name} has no serving leases`);
  return { serving, training, inference, profile };
}

/** Asks each model. `silent` is the failure of the first one that does not answer. */
async function askEach(
  inference: Inference,
  models: readonly string[],
  callAs: readonly string[],
): Promise<{ answers: Completion[]; silent?: ProviderError }> {
  const asked = await Promise.allSettled(models.map((model, place) => askBriefly(inference, model, callAs[place])));
  const answers: Completion[] = [];
  for (const answer of asked) {
    if (answer.status === 'fulfilled') answers.push(answer.value);
    else if (answer.reason instanceof ProviderError) return { answers, silent: answer.reason };
    else throw answer.reason;
  }
  return { answers };
}

function stillThere(message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type: 'PROVIDER_UNAVAILABLE' });
}
