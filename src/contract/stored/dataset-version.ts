import { z } from 'zod';
import type { DatasetVersion } from '../../stores/dataset-versions.ts';
import { artifactRefSchema } from './artifact-ref.ts';
import type { StoredKind } from './format.ts';

/** The record of a dataset version, which points to its manifest. */
export const DATASET_VERSION: StoredKind<DatasetVersion> = {
  name: 'dataset version',
  format: 1,
  oldest: 0,
  schema: z.object({
    pipeline: z.string(),
    number: z.int().gte(1),
    manifest: artifactRefSchema,
    createdAt: z.iso.datetime(),
  }),
};
