import { z } from 'zod';
import type { Snapshot } from '../../core/run/snapshot.ts';
import { artifactRefSchema } from './artifact-ref.ts';
import type { StoredKind } from './format.ts';
import { verdictCounts } from './row-verdicts.ts';

const schema = z.object({
  names: z.array(z.string()),
  rows: z.int().gte(0),
  segments: z.array(artifactRefSchema),
  actuals: z.array(artifactRefSchema),
  verdicts: verdictCounts,
  // The source checks the rest, because only the source knows the content of its cursor.
  cursor: z.looseObject({ type: z.string() }),
});

/** The log as a run has read it. */
export const SNAPSHOT: StoredKind<Snapshot> = { name: 'snapshot of a log', format: 1, oldest: 0, schema };
