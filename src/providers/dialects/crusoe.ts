import type { FineTuningJobCheckpoint } from 'openai/resources/fine-tuning/jobs/checkpoints';
import { z } from 'zod';
import type { Checkpoint } from '../../core/run/training-metrics.ts';
import { keyHeaders } from '../endpoint.ts';
import { HttpApi } from '../http-api.ts';
import type { OpenAIApi } from '../openai-protocol/api.ts';
import { numberOrNull, recordOf } from '../openai-protocol/job-mapping.ts';
import { type OpenAIProtocolOptions, openAIProtocolProvider, REQUEST_TIMEOUT_MS } from '../openai-protocol/provider.ts';
import { type ProviderProfile, settingsFor } from '../profile.ts';
import type { Provider } from '../provider.ts';
import { ProviderError } from '../provider-error.ts';
import type { JobRequest } from '../training.ts';
import { CrusoeCatalogue } from './crusoe-catalogue.ts';
import { CrusoeDeployments } from './crusoe-deployments.ts';
import { CrusoeLoras } from './crusoe-loras.ts';
import { CRUSOE_METRICS, crusoePoints, totalStepsOf } from './crusoe-metrics.ts';

const JOBS = '/fine_tuning/jobs';

/** Crusoe: trains by OpenAI's protocol with fields for adapters; figures, estimates and serving have requests of their own. */
export function crusoeProvider(
  profile: ProviderProfile,
  apiKey: string,
  options: OpenAIProtocolOptions = {},
): Provider {
  const { timeoutMs = REQUEST_TIMEOUT_MS } = options;
  const at = (baseURL: string) =>
    new HttpApi({ baseURL, headers: () => keyHeaders(profile, apiKey), secrets: [apiKey], timeoutMs });
  const training = at(profile.address);
  const catalogue = new CrusoeCatalogue(training, profile);
  const bodyOf = async (
    usual: object,
    { baseModel, hyperparameters }: Pick<JobRequest, 'baseModel' | 'hyperparameters'>,
  ) => ({
    ...usual,
    model: await catalogue.idOf(baseModel),
    method: { type: 'supervised', supervised: { hyperparameters: toHyperparameters(hyperparameters, profile) } },
  });
  const metricsOf = (id: string) =>
    training.send({ path: `${JOBS}/${encodeURIComponent(id)}/metrics`, answer: CRUSOE_METRICS });
  return openAIProtocolProvider(profile, apiKey, options, (api) => {
    const deployments = at(profile.addresses.deployments ?? '');
    const serving =
      profile.settings.serving === 'deployment'
        ? new CrusoeDeployments(deployments, profile)
        : new CrusoeLoras(deployments, api, profile);
    return {
      serving,
      catalogue: () => catalogue.listModels(),
      estimateJob: async (job) => {
        const files = { training_file: job.trainingFile, validation_file: job.validationFile };
        const body = await bodyOf(files, job);
        const answer = await training.send({
          path: `${JOBS}/estimate_price`,
          method: 'POST',
          body,
          answer: z.unknown(),
        });
        return priceIn(answer, training.address);
      },
      variant: {
        // Whether the key may serve what it trains.
        check: () => serving.list(''),
        jobBody: bodyOf,
        // A job names the entry of the catalogue. File and seed tell jobs apart without it: the seed is a hash of the model too.
        isModel: () => true,
        readMetrics: async (id) => {
          const [metrics, { epochs }] = await Promise.all([metricsOf(id), epochsOf(api, id)]);
          return crusoePoints(metrics, epochs);
        },
        readCheckpoints: async (checkpoints, id) => {
          const [total, job] = await Promise.all([metricsOf(id).then(totalStepsOf, () => null), epochsOf(api, id)]);
          return toCheckpoints(checkpoints, { ...job, total });
        },
      },
    };
  });
}

function toHyperparameters(
  { learningRate, learningRateMultiplier, epochs, batchSize, loraRank }: JobRequest['hyperparameters'],
  profile: ProviderProfile,
): object {
  const { early_stopping_patience: patience } = settingsFor(profile, 'job');
  const rank = loraRank ?? profile.jobs.loraRank?.default;
  return {
    n_epochs: epochs,
    ...(batchSize === undefined ? {} : { batch_size: batchSize }),
    ...(learningRate === undefined
      ? { learning_rate_multiplier: learningRateMultiplier }
      : { learning_rate: learningRate }),
    ...(rank === undefined ? {} : { lora_rank: rank }),
    ...(patience === undefined ? {} : { early_stopping_patience: patience }),
    // Jobs are compared at the ends of their epochs.
    eval_steps_per_epoch: 1,
  };
}

/** The epochs of a job, null where it does not say, and its model. */
async function epochsOf(api: OpenAIApi, id: string): Promise<{ epochs: number | null; model: string | null }> {
  const job = await api.client.fineTuning.jobs.retrieve(id);
  const { supervised } = recordOf(job.method);
  const { n_epochs: asked } = recordOf(recordOf(supervised).hyperparameters);
  const { n_epochs: kept } = recordOf(job.hyperparameters);
  return { epochs: numberOrNull(asked) ?? numberOrNull(kept), model: job.fine_tuned_model ?? null };
}

/**
 * The callable checkpoints at the ends of epochs. They are made by steps, and the id of one is null until it is registered; the last one has
 * the weights of the job's model.
 *
 * @param total the planned steps, which a job that the provider has ended early does not reach; null where unknown
 */
function toCheckpoints(
  checkpoints: readonly FineTuningJobCheckpoint[],
  { epochs, model: last, total }: { epochs: number | null; model: string | null; total: number | null },
): Checkpoint[] {
  const lastStep = Math.max(0, ...checkpoints.map(({ step_number: step }) => step));
  const totalSteps = total ?? lastStep;
  if (epochs === null || totalSteps === 0) return [];
  const found = new Map<number, Checkpoint>();
  for (const checkpoint of checkpoints.toSorted((a, b) => a.step_number - b.step_number)) {
    const { step_number: step, metrics } = checkpoint;
    const epoch = Math.round((step * epochs) / totalSteps);
    const isEnd = Math.abs(step - (epoch * totalSteps) / epochs) < 1;
    const { fine_tuned_model_id: id } = recordOf(checkpoint);
    const model = typeof id === 'string' ? id : step === lastStep ? last : null;
    if (!isEnd || epoch < 1 || model === null) continue;
    const validLoss = numberOrNull(metrics?.full_valid_loss);
    found.set(epoch, { epoch, step, model, validLoss, validAccuracy: null });
  }
  return [...found.values()];
}

/**
 * The dollars of an estimate. Its fields are not documented, except that the one of the price has price or cost in its name: of several the
 * highest counts, prices of single units left out.
 */
function priceIn(answer: unknown, address: string): number {
  const prices = pricesIn(answer);
  if (prices.length > 0) return Math.max(...prices);
  throw new ProviderError('PROVIDER_REFUSED', `${address} estimates a job without a price`, { retryable: false });
}

function pricesIn(value: unknown): number[] {
  return Object.entries(recordOf(value)).flatMap(([name, field]) => {
    if (!/price|cost/i.test(name) || /(^|_)(per|unit)(_|$)/i.test(name))
      return typeof field === 'object' ? pricesIn(field) : [];
    if (typeof field === 'object') return pricesIn(field);
    const usd = typeof field === 'number' || (typeof field === 'string' && field !== '') ? Number(field) : Number.NaN;
    return usd >= 0 ? [usd] : [];
  });
}
