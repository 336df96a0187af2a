import { TREATMENTS } from '@tuneloop/app/internal/prompt/prompt-template';
import { z } from 'zod';
import type { Manifest } from '../../core/dataset/manifest.ts';
import { PII_TYPES } from '../../core/dataset/pii-type.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import { artifactRefSchema } from './artifact-ref.ts';
import type { StoredKind } from './format.ts';
import { verdictCounts } from './row-verdicts.ts';

const count = z.int().gte(0);
const sides = z.object({ train: count, validation: count, test: count });
const tokens = z.object({ train: z.number(), request: z.number() });

/** The settings as the pipeline had them. Rules of later versions do not apply to them. */
const clean = z.looseObject({
  rows: z.enum(['lenient', 'strict']),
  instructions: z.union([
    z.literal('auto'),
    z.looseObject({
      templates: z.array(
        z.union([
          z.string(),
          z.array(
            z.object({ role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']), content: z.string() }),
          ),
        ]),
      ),
    }),
  ]),
  turns: z.enum(['first', 'last', 'all']).optional(),
  duplicates: z.enum(['near', 'exact', 'keep']),
  redact: z.array(z.enum(PII_TYPES)),
  phone_region: z.custom<Pipeline['clean']['phone_region']>((region) => /^[A-Z]{2}$/.test(String(region))),
  presidio: z
    .looseObject({
      url: z.string(),
      language: z.string(),
      entities: z.array(z.string()).optional(),
      min_score: z.number(),
    })
    .optional(),
});

const split = z.looseObject({
  validation: z.number(),
  test: z.union([z.number(), z.literal('file')]),
  by: z.enum(['hash', 'time']),
  group_by: z.string().optional(),
  seed: count,
});

const schema = z.object({
  pipeline: z.string(),
  inputs: z.string(),
  parent: z.object({ number: count, sha256: z.string() }).nullable(),
  source: z.object({ names: z.array(z.string()), rows: count, choice: z.string() }),
  snapshot: artifactRefSchema,
  template: z.object({ ref: artifactRefSchema, versions: count }),
  clean,
  split,
  salt: z.object({ version: z.int(), sha256: z.string() }),
  counts: sides,
  groups: z.object({ all: count, nearDuplicates: count }),
  labels: z.record(z.string(), sides).nullable(),
  verdicts: verdictCounts,
  redactions: z.record(z.string(), count),
  conflicts: z.object({
    groups: count,
    shown: z.array(z.object({ completions: z.array(z.string()), places: z.array(z.string()) })),
  }),
  quarantined: count,
  warnings: z.array(z.string()),
  examples: z.object({ train: artifactRefSchema, validation: artifactRefSchema, test: artifactRefSchema }),
  files: z.array(z.object({ treatment: z.enum(TREATMENTS), train: artifactRefSchema, validation: artifactRefSchema })),
  keys: artifactRefSchema,
  ledger: artifactRefSchema,
  tokens: z.object({
    treated: z.partialRecord(z.enum(TREATMENTS), tokens),
    completion: z.number(),
    prompt: z.number(),
  }),
});

/** Its format covers the lines that it refers to: examples, keys, ledger, training files. */
export const MANIFEST: StoredKind<Manifest> = {
  name: 'manifest of a dataset version',
  format: 1,
  oldest: 0,
  schema,
};
