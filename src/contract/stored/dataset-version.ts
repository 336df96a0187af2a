import { z } from 'zod';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';
import { artifactRefSchema } from './artifact-ref.ts';
import type { StoredKind } from './format.ts';

/** One dataset version of a pipeline. */
export interface DatasetVersion {
  pipeline: string;
  /** From 1, without gaps. */
  number: number;
  manifest: ArtifactRef;
  /** ISO 8601. */
  createdAt: string;
}

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
