import { z } from 'zod';

export const pastWinnerSchema = z.object({
  run: z.string(),
  /** ISO 8601. */
  wonAt: z.iso.datetime(),
  baseModel: z.string(),
  hyperparameters: z.object({
    learningRateMultiplier: z.number().positive(),
    epochs: z.int().gte(1),
    learningRate: z.number().positive().exactOptional(),
    batchSize: z.int().gte(1).exactOptional(),
    loraRank: z.int().gte(1).exactOptional(),
    seed: z.int().gte(0).exactOptional(),
  }),
  treatment: z.string(),
});

/** The file of past winners. Format 0 was the list alone; entries are checked one by one. */
export const PAST_WINNERS = {
  name: 'list of past winners',
  format: 1,
  oldest: 0,
  schema: z.union([
    z.array(z.unknown()),
    z.object({ winners: z.array(z.unknown()) }).transform((file) => file.winners),
  ]),
};
