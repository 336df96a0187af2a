import { NEBIUS } from '../../../src/providers/profiles/nebius.ts';
import { type Front, HostError } from '../front.ts';
import { newId } from '../ids.ts';
import type { HostJob } from '../jobs.ts';
import { noModel } from '../models.ts';
import {
  commonFields,
  hyperparametersOf,
  numberOrAuto,
  openAICheckpoint,
  openAIJob,
  openAIRoutes,
  showOpenAIModel,
} from './openai-shape.ts';

const DOCUMENT = 'nebius/fine-tuning.openapi.json';
/** Where the people of Nebius serve models for a customer, so that a whole run can end. */
const DEDICATED = '/dedicated/v1';
/** Rates of which the trainer's usual rate is one. */
const LORA_RATE = 1e-4;
const DEFAULT_RATE = 1e-5;

const KNOWN = ['model', 'training_file', 'validation_file', 'hyperparameters', 'method', 'seed', 'suffix', 'tags'];

/** Nebius Token Factory: takes any field, and trains by its own defaults where it does not know one. */
export const NEBIUS_FRONT: Front = {
  profile: NEBIUS,
  routes: [
    ...openAIRoutes({
      prefix: '/v1',
      chatPrefix: DEDICATED,
      events: 'steps',
      filters: false,
      readJob: (call, host) => {
        const { body } = call;
        if (body.method && body.hyperparameters) {
          throw new HostError(400, 'method and hyperparameters cannot be given together');
        }
        const given = hyperparametersOf(body);
        for (const field of Object.keys(body).filter((each) => !KNOWN.includes(each))) {
          host.misunderstood(call, `${field} is passed over`);
        }
        if ('learning_rate_multiplier' in given) host.misunderstood(call, 'learning_rate_multiplier is passed over');
        if (given.lora === undefined) host.misunderstood(call, 'without lora, all weights are trained');
        const rate = typeof given.learning_rate === 'number' ? given.learning_rate : DEFAULT_RATE;
        return {
          ...commonFields(body),
          seed: typeof body.seed === 'number' ? body.seed : 0,
          epochs: typeof given.n_epochs === 'number' ? given.n_epochs : 3,
          batchSize: numberOrAuto(given.batch_size),
          learningRateMultiplier: rate / LORA_RATE,
          extra: { hyperparameters: given },
        };
      },
      showJob: (job) => {
        const {
          fine_tuned_model: _,
          metadata: __,
          user_provided_suffix: suffix,
          method: ___,
          error,
          ...shown
        } = openAIJob(job, typeof job.extra.hyperparameters === 'object' ? (job.extra.hyperparameters ?? {}) : {});
        return { ...shown, suffix, error: job.failure === null ? null : error };
      },
      showCheckpoint: (point, job) => ({ ...openAICheckpoint(point, job), result_files: [] }),
      callable: (name, { models }) => {
        const model = models.find(name);
        if (!model) throw noModel(name);
        return { model, lease: null };
      },
    }),
    {
      method: 'GET',
      path: `${DEDICATED}/models`,
      operation: 'models.list',
      handle: (_, { models }) => ({
        body: { object: 'list', data: [...models.bases, ...models.tuned].map(showOpenAIModel) },
      }),
    },
  ],
  specs: [
    { file: DOCUMENT, prefix: '' },
    { file: 'openai-fine-tuning.openapi.json', prefix: '/v1' },
  ],
  invalidStatus: 422,
  errorBody: ({ status, message, param }) => {
    if (status !== 422) return { detail: message };
    return {
      detail: [
        { loc: ['body', ...(param ?? '').split('/').filter((part) => part)], msg: message, type: 'value_error' },
      ],
    };
  },
  names: {
    job: () => newId('ftjob-'),
    // A job names no model: its model is that of its last checkpoint.
    model: (job) => job.checkpoints.at(-1)?.model ?? nameAt(job, 0),
    checkpoint: nameAt,
  },
  settings: (origin) => ({ baseURL: `${origin}/v1`, addresses: { inference: `${origin}${DEDICATED}` } }),
};

function nameAt({ model, suffix, id }: HostJob, step: number): string {
  return `${model}:ft-${suffix ?? 'model'}-${id.slice(-6)}-step-${step}`;
}
