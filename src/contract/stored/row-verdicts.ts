import { z } from 'zod';
import type { RowIssue } from '../../core/dataset/issue.ts';

/** Counts of odd rows. Any name is read, because another version may have named issues differently; readers pass over those. */
export const verdictCounts = z.array(
  z.object({
    verdict: z.custom<RowIssue>((name) => typeof name === 'string'),
    rows: z.int().gte(0),
    places: z.array(z.string()),
  }),
);
