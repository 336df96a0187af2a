import type { JobCreateParams } from 'openai/resources/fine-tuning/jobs/jobs';
import { rateAt } from '../../core/run/hyperparameters.ts';
import type { OpenAIApi } from '../openai-protocol/api.ts';
import { toJob } from '../openai-protocol/job-mapping.ts';
import { type OpenAIProtocolOptions, openAIProtocolProvider } from '../openai-protocol/provider.ts';
import type { ProtocolVariant } from '../openai-protocol/variant.ts';
import { type ProviderProfile, settingsFor } from '../profile.ts';
import { NEBIUS_CONTEXT } from '../profiles/nebius.ts';
import type { Provider } from '../provider.ts';
import type { JobRequest } from '../training.ts';

/**
 * Nebius Token Factory. It swallows the fields of OpenAI that it does not know, and its defaults train all weights at a low rate: so
 * everything that decides about a job is sent, in its own words.
 */
export function nebiusProvider(
  profile: ProviderProfile,
  apiKey: string,
  options: OpenAIProtocolOptions = {},
): Provider {
  return openAIProtocolProvider(profile, apiKey, options, (api) => ({
    variant: { jobBody: (usual, request) => jobBody(usual, request, profile), readJob: readJobWith(api) },
  }));
}

function jobBody(
  { method: _, metadata: __, ...usual }: JobCreateParams,
  { hyperparameters }: Pick<JobRequest, 'hyperparameters'>,
  profile: ProviderProfile,
): object {
  const { learningRate, learningRateMultiplier, epochs, batchSize, loraRank } = hyperparameters;
  const rule = profile.jobs.learningRate;
  if (rule.takes !== 'rate')
    throw new RangeError(`${profile.name} takes learning rates, and its profile says otherwise`);
  const lora = settingsFor(profile, 'job').lora !== false;
  const rank = loraRank ?? profile.jobs.loraRank?.default;
  const context = profile.limits.tokensPerExample;
  return {
    ...usual,
    hyperparameters: {
      n_epochs: epochs,
      learning_rate: learningRate ?? rateAt(learningRateMultiplier, rule).learningRate,
      ...(batchSize === undefined ? {} : { batch_size: batchSize }),
      lora,
      // The usual scale: alpha is twice the rank.
      ...(lora && rank !== undefined ? { lora_r: rank, lora_alpha: 2 * rank } : {}),
      ...(context > NEBIUS_CONTEXT ? { context_length: context } : {}),
    },
  };
}

/** A job names no model: the model of one that has succeeded is its last checkpoint's. */
function readJobWith(api: OpenAIApi): ProtocolVariant['readJob'] {
  return async (answer) => {
    const job = toJob(answer);
    if (job.state !== 'succeeded' || job.model !== null) return job;
    let last: { step: number; model: string } | null = null;
    for await (const {
      step_number: step,
      fine_tuned_model_checkpoint: model,
    } of api.client.fineTuning.jobs.checkpoints.list(job.id)) {
      if (!last || step > last.step) last = { step, model };
    }
    return { ...job, model: last?.model ?? null };
  };
}
