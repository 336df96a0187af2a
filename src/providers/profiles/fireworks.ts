import type { BaseModel, ProviderProfile } from '../profile.ts';
import { namesById } from './names.ts';
import { OPENAI } from './openai.ts';

const MODELS: readonly BaseModel[] = [
  { name: 'llama-3.1-8b-instruct', id: 'accounts/fireworks/models/llama-v3p1-8b-instruct' },
  { name: 'llama-3.3-70b-instruct', id: 'accounts/fireworks/models/llama-v3p3-70b-instruct' },
  { name: 'gpt-oss-20b', id: 'accounts/fireworks/models/gpt-oss-20b' },
  // The family is documented as tunable; the id is assumed.
  { name: 'qwen3-8b', id: 'accounts/fireworks/models/qwen3-8b' },
  { name: 'gpt-oss-120b', id: 'accounts/fireworks/models/gpt-oss-120b' },
];

/** Fireworks: a protocol of its own for training; models are adapters on a deployment that is charged by the hour. */
export const FIREWORKS: ProviderProfile = {
  ...OPENAI,
  name: 'fireworks',
  description: 'Fireworks, key in FIREWORKS_API_KEY; options.account names the account',
  closes: null,
  address: 'https://api.fireworks.ai',
  domains: ['fireworks.ai'],
  addresses: { inference: 'https://api.fireworks.ai/inference/v1' },
  keyVariable: 'FIREWORKS_API_KEY',
  dialect: 'fireworks',
  models: MODELS,
  options: {
    account: {
      description: 'id of the account, which is a part of every address',
      sentWith: 'address',
      type: 'string',
      required: true,
    },
    idle_minutes: {
      description: 'after this time without a call a deployment costs nothing',
      sentWith: 'lease',
      type: 'integer',
      range: [5, 1440],
      default: 15,
    },
    chat_template_kwargs: {
      description: 'sent with every question, for example {enable_thinking: false}',
      sentWith: 'completion',
      type: 'object',
    },
  },
  // Ours: the form of every id that we choose.
  ids: { job: /^tuneloop-[0-9a-f]{40}$/, tunedModel: /^accounts\/(?!fireworks\/)[\w-]+\/models\// },
  billing: { charges: 'tokens', priceList: 'fireworks', names: namesById(MODELS) },
  promptCache: null,
  jobs: {
    ...OPENAI.jobs,
    identity: 'id',
    filtersMetadata: false,
    longestSuffix: 60,
    // The id is ours: a job is there or is not.
    settlingMs: 1000,
    refusedFields: ['metadata', 'seed'],
    learningRate: { takes: 'rate', base: 1e-4 },
    loraRank: { default: 8, range: [1, 64], powerOfTwo: true },
    takesSeed: false,
    batchSize: { range: [1, 1024], powerOfTwo: false },
    metrics: 'file',
    checkpoints: 'none',
    cancelledPays: 'unknown',
  },
  constraints: { labels: 'grammar', jsonSchema: true },
  serving: {
    start: 'lease',
    lease: { models: 100, atOnce: 3, coldStartMinutes: 10, idleMinutes: 15, paidByHour: true, servesBase: true },
  },
  lengthField: 'max_tokens',
  storesCompletions: false,
};
