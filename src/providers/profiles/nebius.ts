import type { BaseModel, ProviderProfile } from '../profile.ts';
import { namesById } from './names.ts';
import { OPENAI } from './openai.ts';

const MODELS: readonly BaseModel[] = [
  { name: 'llama-3.1-8b-instruct', id: 'meta-llama/Meta-Llama-3.1-8B-Instruct' },
  { name: 'llama-3.3-70b-instruct', id: 'meta-llama/Llama-3.3-70B-Instruct' },
  { name: 'gpt-oss-20b', id: 'openai/gpt-oss-20b' },
  { name: 'gpt-oss-120b', id: 'openai/gpt-oss-120b' },
];

/** Tokens of an example unless a job asks for more. */
export const NEBIUS_CONTEXT = 8192;

/**
 * Nebius Token Factory: OpenAI's protocol with `hyperparameters` of its own. It serves a tuned model on a dedicated machine that is agreed
 * on with its people, so it only trains, unless the pipeline names where the models are served.
 */
export const NEBIUS: ProviderProfile = {
  ...OPENAI,
  name: 'nebius',
  description:
    'Nebius Token Factory, key in NEBIUS_API_KEY; trains only, unless addresses.inference names a dedicated endpoint',
  closes: null,
  address: 'https://api.tokenfactory.nebius.com/v1',
  domains: ['nebius.com', 'nebius.ai'],
  addresses: {},
  keyVariable: 'NEBIUS_API_KEY',
  dialect: 'nebius',
  models: MODELS,
  options: {
    lora: {
      description: 'false trains all weights, which costs the same and needs a lower rate',
      sentWith: 'job',
      type: 'boolean',
      default: true,
      changes: { false: { jobs: { learningRate: { takes: 'rate', base: 1e-5 }, loraRank: null } } },
    },
    chat_template_kwargs: {
      description: 'sent with every question, for example {enable_thinking: false}',
      sentWith: 'completion',
      type: 'object',
    },
  },
  limits: { ...OPENAI.limits, tokensPerExample: NEBIUS_CONTEXT },
  ids: { ...OPENAI.ids, tunedModel: /:(ft|lora)|ftjob|checkpoint/ },
  billing: { charges: 'tokens', priceList: 'nebius', names: namesById(MODELS) },
  promptCache: null,
  jobs: {
    ...OPENAI.jobs,
    identity: 'suffix',
    filtersMetadata: false,
    refusedFields: ['metadata'],
    // A usual rate for LoRA. Its own default of 1e-5 is one for all weights.
    learningRate: { takes: 'rate', base: 1e-4 },
    loraRank: { default: 16, range: [8, 128], powerOfTwo: false },
    batchSize: { range: [1, 64], powerOfTwo: false },
    mostEpochs: 20,
    checkpoints: 'callable',
    cancelledPays: 'unknown',
  },
  constraints: { labels: 'none', jsonSchema: true },
  serving: { start: 'none', lease: null },
  storesCompletions: false,
};
