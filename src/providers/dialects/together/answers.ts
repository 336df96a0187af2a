import { z } from 'zod';

/**
 * The forms of Together's answers, with the fields that are read here and no others. A field that the documents call optional may be
 * missing or null.
 */

const text = z.string().nullish();
const number = z.number().nullish();

export const FILE = z.object({
  id: z.string(),
  created_at: z.number(),
  filename: z.string(),
  bytes: z.number(),
  purpose: text,
  Processed: z.boolean().nullish(),
  processing_status: text,
});
export type TogetherFile = z.infer<typeof FILE>;

export const FILES = z.object({ data: z.array(FILE) });

const EVENT = z.object({
  created_at: text,
  type: text,
  level: text,
  message: text,
  step: number,
  total_steps: number,
});

export const JOB = z.object({
  id: z.string(),
  status: z.string(),
  created_at: text,
  updated_at: text,
  started_at: text,
  training_file: text,
  model: text,
  model_output_name: text,
  suffix: text,
  random_seed: number,
  n_epochs: number,
  token_count: number,
  total_price: number,
  events: z.array(EVENT).nullish(),
});
export type TogetherJob = z.infer<typeof JOB>;

export const JOBS = z.object({ data: z.array(JOB), has_more: z.boolean().nullish() });

/** Of each row only the figures that are numbers count. */
export const METRICS = z.object({ metrics: z.array(z.record(z.string(), z.unknown())).nullish() });

export const CHECKPOINTS = z.object({
  data: z.array(z.object({ step: z.number(), checkpoint_type: z.string(), object_name: text })),
});
export type TogetherCheckpoint = z.infer<typeof CHECKPOINTS>['data'][number];

export const LIMITS = z.object({
  max_num_checkpoints: number,
  max_num_evals: number,
  lora_training: z.object({ min_batch_size: number, max_batch_size: number }).nullish(),
});

export const ESTIMATE = z.object({
  estimated_total_price: number,
  estimation_available: z.boolean().nullish(),
  unavailable_reason: text,
});

export const MODELS = z.array(z.object({ id: z.string() }));

export const ENDPOINT = z.object({
  id: z.string(),
  name: z.string(),
  /** Missing in the list of endpoints. */
  display_name: text,
  model: z.string(),
  hardware: text,
  state: z.string(),
  created_at: text,
});
export type TogetherEndpoint = z.infer<typeof ENDPOINT>;

export const ENDPOINTS = z.object({ data: z.array(ENDPOINT) });

export const HARDWARE = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      pricing: z.object({ cents_per_minute: z.number() }),
      availability: z.object({ status: z.string() }).nullish(),
    }),
  ),
});

/** For answers whose content does not matter. */
export const ANY = z.unknown();
