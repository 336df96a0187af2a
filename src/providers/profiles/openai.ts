import type { ProviderProfile } from '../profile.ts';

/** api.openai.com. Limits and ids as documented, or as observed. */
export const OPENAI: ProviderProfile = {
  name: 'openai',
  description: 'api.openai.com, key in OPENAI_API_KEY',
  // Closed to new customers already.
  closes: '2027-01-06',
  address: 'https://api.openai.com/v1',
  domains: ['openai.com'],
  addresses: {},
  keyVariable: 'OPENAI_API_KEY',
  keyHeader: 'authorization',
  dialect: 'openai',
  wordModels: null,
  // Its own list says it.
  models: [],
  options: {},
  settings: {},
  limits: {
    fewestExamples: 10,
    // Files of up to 512 MB, without saying which megabytes: these are the smaller ones.
    largestFileBytes: 512_000_000,
    // Of the current models.
    tokensPerExample: 65_536,
    // A `tool` message has to name the call that it answers, which our rows do not.
    roles: ['system', 'user', 'assistant'],
  },
  ids: { job: /^ftjob-[\w-]{1,120}$/, tunedModel: /^ft:/ },
  billing: { charges: 'tokens', priceList: null },
  // https://platform.openai.com/docs/guides/prompt-caching
  promptCache: { fewestTokens: 1024, stepTokens: 128 },
  jobs: {
    identity: 'metadata',
    filtersMetadata: true,
    longestSuffix: 64,
    // No figure is documented: half a minute is a cautious guess.
    settlingMs: 30_000,
    refusedFields: [],
    learningRate: { takes: 'multiplier' },
    loraRank: null,
    takesSeed: true,
    batchSize: { range: [1, 256], powerOfTwo: false },
    mostEpochs: 50,
    metrics: 'events',
    checkpoints: 'callable',
    cancelledPays: 'unknown',
  },
  constraints: { labels: 'none', jsonSchema: true },
  serving: { start: 'included', lease: null },
  lengthField: 'max_completion_tokens',
  storesCompletions: true,
};
