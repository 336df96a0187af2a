import { OPENAI } from '../../../src/providers/profiles/openai.ts';
import type { Front } from '../front.ts';
import { newId } from '../ids.ts';
import { noModel } from '../models.ts';
import {
  commonFields,
  hyperparametersOf,
  isMetadata,
  numberOrAuto,
  openAICheckpoint,
  openAIError,
  openAIJob,
  openAIRoutes,
} from './openai-shape.ts';

const DOCUMENT = 'openai-fine-tuning.openapi.json';

/** OpenAI itself: a tuned model can be called as soon as it is there. */
export const OPENAI_FRONT: Front = {
  profile: OPENAI,
  routes: openAIRoutes({
    prefix: '/v1',
    events: 'steps',
    filters: true,
    readJob: ({ body }) => {
      const { n_epochs, batch_size, learning_rate_multiplier } = hyperparametersOf(body);
      return {
        ...commonFields(body),
        seed: typeof body.seed === 'number' ? body.seed : null,
        metadata: isMetadata(body.metadata) ? body.metadata : null,
        epochs: numberOrAuto(n_epochs),
        batchSize: numberOrAuto(batch_size),
        learningRateMultiplier: numberOrAuto(learning_rate_multiplier),
      };
    },
    showJob: (job) => {
      const { epochs, batchSize, learningRateMultiplier } = job;
      return openAIJob(job, {
        n_epochs: epochs,
        batch_size: batchSize,
        learning_rate_multiplier: learningRateMultiplier,
      });
    },
    showCheckpoint: openAICheckpoint,
    callable: (name, { models }) => {
      const model = models.find(name);
      if (!model) throw noModel(name);
      return { model, lease: null };
    },
  }),
  specs: [{ file: DOCUMENT, prefix: '/v1' }],
  invalidStatus: 400,
  errorBody: openAIError,
  errorSchema: { file: DOCUMENT, schema: 'ErrorResponse' },
  names: {
    job: () => newId('ftjob-'),
    model: ({ model, suffix }) => `ft:${model}:tuneloop:${suffix ?? ''}:${newId('', 4)}`,
    checkpoint: ({ model, suffix, id }, step) =>
      `ft:${model}:tuneloop:${suffix ?? ''}:${id.slice(-8)}:ckpt-step-${step}`,
  },
  settings: (origin) => ({ baseURL: `${origin}/v1` }),
};
