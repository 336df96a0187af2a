import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Prices } from '../core/evaluation/cost.ts';
import { TuneloopError } from '../errors.ts';
import shipped from './prices.json' with { type: 'json' };

const usd = z.number().gte(0);

const tokenPrice = z.strictObject({ input: usd, cached: usd.optional(), output: usd });

const priceList = z.strictObject({
  date: z.iso.date(),
  source: z.string(),
  models: z.record(
    z.string(),
    z.strictObject({
      training: usd.optional(),
      minimum_per_job: usd.optional(),
      serving_per_hour: usd.optional(),
      tuned: tokenPrice.nullish(),
      base: tokenPrice.nullish(),
    }),
  ),
});

const pricesSchema = z.strictObject({
  date: z.iso.date(),
  source: z.string(),
  local: z.strictObject({ machine_usd_per_hour: usd }),
  models: z.record(z.string(), z.strictObject({ training: usd, tuned: tokenPrice, base: tokenPrice })),
  lists: z.record(z.string(), priceList).optional(),
}) satisfies z.ZodType<Prices>;

/** The prices of the package, or those of a file of the same form. @throws TuneloopError ENVIRONMENT_INVALID */
export function readPrices(file: string | undefined): Prices {
  if (file === undefined) return pricesSchema.parse(shipped);
  try {
    return pricesSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new TuneloopError('ENVIRONMENT_INVALID', `TUNELOOP_PRICES names ${file}, which cannot be used: ${reason}`);
  }
}
