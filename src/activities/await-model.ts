import type { Completion } from '../core/evaluation/completion.ts';
import { costPer1k, tariffOf } from '../core/evaluation/cost.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { Inference } from '../providers/inference.ts';
import { ProviderError } from '../providers/provider-error.ts';
import { Wait } from './await-job.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

export interface AwaitModelInput {
  definition: ArtifactRef;
  model: string;
  baseModel: string;
}

/**
 * Asks a tuned model for one token, and fails with MODEL_PENDING while it cannot answer: a job may have succeeded minutes
 * before its model is loaded. The question costs a few tokens, which it answers with, in USD. Models that need a serving lease are waited for with the lease.
 */
export function createAwaitModel(dependencies: Dependencies) {
  return async ({ definition, model, baseModel }: AwaitModelInput): Promise<{ usd: number | null }> => {
    const { provider: choice, deadlines } = await loadPipeline(dependencies, definition);
    const { inference, profile } = dependencies.connectProvider(choice);
    if (profile.serving.start !== 'included') return { usd: 0 };
    try {
      const usage = await askBriefly(inference, model);
      const tariff = tariffOf(dependencies.prices, profile.billing, baseModel, true);
      const usd = costPer1k(tariff, usage, 0);
      return { usd: usd === null ? null : usd / 1000 };
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      // A model that is unknown today may be known in a minute; a quota or an impossible request does not pass by itself.
      if (!error.retryable && error.status !== 404) throw error;
      const wait = new Wait(deadlines);
      throw wait.goesOn(model, 'ready', 'not ready', wait.shown, error.retryAfterMs);
    }
  };
}

/** A call whose answer does not matter, as cheap as possible. */
export function askBriefly(inference: Inference, model: string, callAs = model): Promise<Completion> {
  return inference.complete({ model, callAs, messages: [{ role: 'user', content: 'ping' }], maxOutputTokens: 1 });
}
