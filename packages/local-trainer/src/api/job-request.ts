import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { z } from 'zod';
import type { Engines, RequestedHyperparameters } from '../engine.ts';
import { metadataSchema } from './metadata.ts';
import { parseBody } from './request-body.ts';

/** A request for a job, checked. */
export interface JobRequest {
  readonly model: string;
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
    lora_rank: z.int().min(1).max(256).optional(),
    lora_alpha: z.int().min(1).max(512).optional(),
    lora_layers: z.int().min(1).optional(),
    max_length: z.int().min(16).optional(),
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
export function parseJobRequest(value: unknown, engines: Engines): JobRequest {
  const data = parseBody(body, value);
  const engine = engines.find(data.model);
  if (engine === undefined) {
    throw invalid(
      'model',
      `Model ${data.model} is not available for fine-tuning or does not exist. Models that can be fine-tuned here: ${engines.baseModels().join(', ')}.`,
      'model_not_available',
    );
  }
  const asked = {
    n_epochs: 'auto' as const,
    batch_size: 'auto' as const,
    learning_rate_multiplier: 'auto' as const,
    ...withoutNull(data.method?.supervised?.hyperparameters ?? data.hyperparameters),
  };
  // For what the engine refuses: the values for `auto` are decided when the number of examples is known.
  engine.decide(asked, 0);
  return {
    model: data.model,
    training_file: data.training_file,
    validation_file: data.validation_file ?? null,
    suffix: data.suffix ?? null,
    seed: data.seed ?? null,
    metadata: data.metadata ?? null,
    hyperparameters: asked,
  };
}

type AskedHyperparameters = z.infer<typeof hyperparameters>;

/** Null means `auto`, as if the value were not there. */
function withoutNull(asked: AskedHyperparameters): Partial<RequestedHyperparameters> {
  const given = Object.entries(asked ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(given);
}
