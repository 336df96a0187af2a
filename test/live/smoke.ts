import type { ProfileName, ProviderSettings } from '../../src/core/run/pipeline.ts';
import { shopRows, writePipeline } from '../setup/shop-log.ts';

/** A host that can be tried with a live account. */
export interface LiveHost {
  readonly name: ProfileName;
  /** Its smallest base model. */
  readonly model: string;
  /** No run spends more, in USD. */
  readonly budgetUsd: number;
  /** What `provider` needs besides the profile; `...` is for the account of the one who runs the test. */
  readonly settings: Omit<ProviderSettings, 'profile'>;
}

/** 12 to train on, the fewest that every host takes, and some to choose and to judge. */
const ROWS = 20;

/**
 * Five dollars each, but at Crusoe a lease alone may take that, and at Together a job costs four at least. Azure is not here: no source has
 * the price of its tokens, so that no budget can be kept there.
 */
export const LIVE_HOSTS: readonly LiveHost[] = [
  { name: 'openai', model: 'gpt-4.1-mini', budgetUsd: 5, settings: {} },
  {
    name: 'crusoe',
    model: 'llama-3.1-8b-instruct',
    budgetUsd: 8,
    settings: { options: { project: '...', serving: 'deployment' } },
  },
  {
    name: 'nebius',
    model: 'llama-3.1-8b-instruct',
    budgetUsd: 5,
    settings: { addresses: { inference: 'https://models.example.com/v1' } },
  },
  { name: 'fireworks', model: 'llama-3.1-8b-instruct', budgetUsd: 5, settings: { options: { account: '...' } } },
  { name: 'together', model: 'llama-3.1-8b-instruct', budgetUsd: 8, settings: {} },
];

/** The variable that turns on the test of a host, such as `TUNELOOP_LIVE_FIREWORKS`. */
export const switchOf = ({ name }: LiveHost): string => `TUNELOOP_LIVE_${name.toUpperCase()}`;

/** One job of one epoch on a few rows. @returns the path of the pipeline file */
export function writeSmokePipeline(folder: string, { name, model, budgetUsd, settings }: LiveHost): string {
  return writePipeline(folder, shopRows(ROWS), {
    name: `live-${name}`,
    provider: { profile: name, ...settings },
    split: { validation: 0.2, test: 0.2 },
    budget_usd: budgetUsd,
    candidates: {
      models: [model],
      learning_rate_multiplier: 1,
      epochs: 1,
      jobs: 1,
      early_stop: false,
      checkpoints: false,
    },
  });
}
