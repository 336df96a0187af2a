import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { z } from 'zod';
import { BASE_MODELS, type BaseModel } from './features.ts';
import type { RequestedHyperparameters } from './job-record.ts';
import { metadataSchema } from './metadata.ts';
import { parseBody } from './request-body.ts';
import type { Hyperparameters } from './training.ts';

/** A request for a job, checked. */
export interface JobRequest {
  readonly model: BaseModel;
  readonly training_file: string;
  readonly validation_file: string | null;
  readonly suffix: string | null;
  readonly seed: number | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly hyperparameters: RequestedHyperparameters;
}

const hyperparameters = z
  .strictObject({
    n_epochs: z
      .union([z.literal('auto'), z.int().min(1).max(50)], "expected 'auto' or an integer from 1 to 50")
      .optional(),
    batch_size: z
      .union([z.literal('auto'), z.int().min(1).max(256)], "expected 'auto' or an integer from 1 to 256")
      .nullish(),
    learning_rate_multiplier: z
      .union([z.literal('auto'), z.number().positive()], "expected 'auto' or a number over 0")
      .optional(),
  })
  .nullish();

const body = z.strictObject({
  model: z.string(),
  training_file: z.string(),
  validation_file: z.string().nullish(),
  suffix: z.string().min(1).max(64).nullish(),
  seed: z.int().min(0).max(2_147_483_647).nullish(),
  metadata: metadataSchema,
  hyperparameters,
  method: z
    .strictObject({ type: z.literal('supervised'), supervised: z.strictObject({ hyperparameters }).optional() })
    .nullish(),
  integrations: z.array(z.unknown()).max(0, 'integrations are not supported by this server').nullish(),
});

/**
 * Checks the body of `POST /fine_tuning/jobs`.
 *
 * @throws ApiError 400 that names the parameter
 */
export function parseJobRequest(value: unknown): JobRequest {
  const data = parseBody(body, value);
  const asked = data.method?.supervised?.hyperparameters ?? data.hyperparameters;
  return {
    model: baseModel(data.model),
    training_file: data.training_file,
    validation_file: data.validation_file ?? null,
    suffix: data.suffix ?? null,
    seed: data.seed ?? null,
    metadata: data.metadata ?? null,
    hyperparameters: {
      n_epochs: asked?.n_epochs ?? 'auto',
      batch_size: asked?.batch_size ?? 'auto',
      learning_rate_multiplier: asked?.learning_rate_multiplier ?? 'auto',
    },
  };
}

function baseModel(name: string): BaseModel {
  const base = BASE_MODELS.find((model) => model === name);
  if (base !== undefined) return base;
  throw invalid(
    'model',
    `Model ${name} is not available for fine-tuning or does not exist. Models that can be fine-tuned here: ${BASE_MODELS.join(', ')}.`,
    'model_not_available',
  );
}

/**
 * The values for `auto`. Epochs: 3, more on few examples and fewer on very many (the rule of OpenAI's cookbook). Batch size: 1, as the
 * learner makes best use of many small steps whatever the size of the data. Learning rate multiplier: 1.
 */
export function decided(requested: RequestedHyperparameters, examples: number): Hyperparameters {
  const { n_epochs, batch_size, learning_rate_multiplier } = requested;
  return {
    n_epochs: n_epochs === 'auto' ? automaticEpochs(examples) : n_epochs,
    batch_size: batch_size === 'auto' ? 1 : batch_size,
    learning_rate_multiplier: learning_rate_multiplier === 'auto' ? 1 : learning_rate_multiplier,
  };
}

function automaticEpochs(examples: number): number {
  const target = 3;
  if (examples * target < 100) return Math.min(25, Math.floor(100 / examples));
  if (examples * target > 25_000) return Math.max(1, Math.floor(25_000 / examples));
  return target;
}
