import type { BaseModel, ProviderProfile } from '../profile.ts';
import { namesById } from './names.ts';
import { OPENAI } from './openai.ts';

// https://docs.together.ai/docs/fine-tuning-models
const NOT_ALWAYS_SERVED =
  'it is documented that models of this kind are trained, and that some cannot be served by an endpoint';

const MODELS: readonly BaseModel[] = [
  { name: 'qwen3-8b', id: 'Qwen/Qwen3-8B' },
  {
    name: 'llama-3.1-8b-instruct',
    id: 'meta-llama/Meta-Llama-3.1-8B-Instruct-Reference',
    note: NOT_ALWAYS_SERVED,
  },
  { name: 'llama-3.3-70b-instruct', id: 'meta-llama/Llama-3.3-70B-Instruct-Reference', note: NOT_ALWAYS_SERVED },
  { name: 'gpt-oss-20b', id: 'openai/gpt-oss-20b' },
  { name: 'gpt-oss-120b', id: 'openai/gpt-oss-120b' },
];

/** Together: a protocol of its own for training; each model gets an endpoint that is charged by the hour. */
export const TOGETHER: ProviderProfile = {
  ...OPENAI,
  name: 'together',
  description: 'Together, key in TOGETHER_API_KEY',
  closes: null,
  address: 'https://api.together.ai/v1',
  domains: ['together.ai', 'together.xyz'],
  addresses: {},
  keyVariable: 'TOGETHER_API_KEY',
  dialect: 'together',
  models: MODELS,
  options: {
    hardware: {
      description: 'id of the machine of an endpoint; the cheapest one that fits the model by default',
      sentWith: 'lease',
      type: 'string',
    },
    idle_minutes: {
      description: 'after this time without a call an endpoint stops',
      sentWith: 'lease',
      type: 'integer',
      range: [1, 1440],
      default: 15,
    },
    chat_template_kwargs: {
      description: 'sent with every question, for example {enable_thinking: false}',
      sentWith: 'completion',
      type: 'object',
    },
  },
  // Models are named `account/base:suffix:job`, older ones `account/base-suffix-1a2b3c4d`.
  ids: { job: /^ft-[\w-]{1,120}$/, tunedModel: /(?:-[0-9a-f]{8}|[:-]ft-[\w-]+)(?::\d+)?$/ },
  billing: { charges: 'tokens', priceList: 'together', names: namesById(MODELS) },
  promptCache: null,
  jobs: {
    ...OPENAI.jobs,
    identity: 'suffix',
    filtersMetadata: false,
    longestSuffix: 40,
    refusedFields: ['metadata'],
    learningRate: { takes: 'rate', base: 1e-4 },
    loraRank: { default: 16, range: [1, 64], powerOfTwo: false },
    batchSize: { range: [1, 1024], powerOfTwo: false },
    mostEpochs: 20,
    metrics: 'endpoint',
    checkpoints: 'leased',
    cancelledPays: 'trained',
  },
  constraints: { labels: 'none', jsonSchema: true },
  serving: {
    start: 'lease',
    lease: { models: 1, atOnce: 4, coldStartMinutes: 10, idleMinutes: 15, paidByHour: true, servesBase: true },
  },
  lengthField: 'max_tokens',
  storesCompletions: false,
};
