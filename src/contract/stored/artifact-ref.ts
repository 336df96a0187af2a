import { z } from 'zod';
import type { ArtifactRef } from '../../core/run/artifact-ref.ts';

export const artifactRefSchema = z.object({
  uri: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().gte(0),
  rows: z.int().gte(0),
}) satisfies z.ZodType<ArtifactRef>;
