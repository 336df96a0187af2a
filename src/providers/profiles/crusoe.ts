import type { BaseModel, ProviderProfile } from '../profile.ts';
import { namesById } from './names.ts';
import { OPENAI } from './openai.ts';

/** The catalogue ids differ by account: the dialect finds them by `model_name`. */
const MODELS: readonly BaseModel[] = [
  { name: 'llama-3.1-8b-instruct', id: 'meta-llama/Llama-3.1-8B-Instruct' },
  { name: 'gpt-oss-120b', id: 'openai/gpt-oss-120b' },
];

/** Crusoe Intelligence Foundry: OpenAI's protocol with LoRA fields; it trains, serves and deploys at three addresses. */
export const CRUSOE: ProviderProfile = {
  ...OPENAI,
  name: 'crusoe',
  description: 'Crusoe Intelligence Foundry, key in CRUSOE_API_KEY; options.project names the project',
  closes: null,
  address: 'https://api.intelligence.crusoecloud.com/v1',
  domains: ['crusoecloud.com', 'crusoe.ai'],
  addresses: {
    inference: 'https://api.inference.crusoecloud.com/v1',
    deployments: 'https://api.crusoecloud.com/v1',
  },
  keyVariable: 'CRUSOE_API_KEY',
  dialect: 'crusoe',
  models: MODELS,
  options: {
    project: {
      description: 'id of the project that the key is bound to',
      sentWith: 'address',
      type: 'string',
      required: true,
    },
    serving: {
      description:
        'lora: adapters on shared machines, charged by tokens; deployment: a machine of your own, charged by the hour',
      sentWith: 'lease',
      type: 'string',
      oneOf: ['lora', 'deployment'],
      default: 'lora',
      // 6 to 40 minutes were seen.
      changes: {
        deployment: { lease: { paidByHour: true, coldStartMinutes: 20 }, priceList: 'crusoe-deployment' },
      },
    },
    flavor: {
      description: 'id of the machine of a deployment; the cheapest one for the model by default',
      sentWith: 'lease',
      type: 'string',
    },
    early_stopping_patience: {
      description: 'evaluations without progress after which the provider itself ends a job',
      sentWith: 'job',
      type: 'integer',
      range: [1, 1000],
    },
    chat_template_kwargs: {
      description: 'sent with every question, for example {enable_thinking: false}',
      sentWith: 'completion',
      type: 'object',
    },
  },
  ids: { ...OPENAI.ids, tunedModel: /^ftmodel-/ },
  billing: { charges: 'tokens', priceList: 'crusoe', names: namesById(MODELS) },
  promptCache: null,
  jobs: {
    ...OPENAI.jobs,
    // It may keep metadata and seed: they are sent, and never relied on.
    identity: 'suffix',
    filtersMetadata: false,
    longestSuffix: 40,
    // The rate of a multiplier is its own; that of LoRA elsewhere is near enough for a comparison.
    learningRate: { takes: 'either', base: 1e-4 },
    loraRank: { default: 16, range: [2, 256], powerOfTwo: true },
    batchSize: { range: [16, 1024], powerOfTwo: true },
    metrics: 'endpoint',
    checkpoints: 'leased',
    cancelledPays: 'unknown',
  },
  constraints: { labels: 'none', jsonSchema: false },
  serving: {
    start: 'lease',
    lease: { models: 1, atOnce: 5, coldStartMinutes: 2, idleMinutes: null, paidByHour: false, servesBase: true },
  },
  storesCompletions: false,
};
