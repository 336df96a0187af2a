import type { BaseModel, ProfileChanges, ProviderProfile } from '../profile.ts';
import { namesById } from './names.ts';
import { OPENAI } from './openai.ts';

const MODELS: readonly BaseModel[] = [
  { name: 'gpt-4.1', id: 'gpt-4.1-2025-04-14' },
  { name: 'gpt-4.1-mini', id: 'gpt-4.1-mini-2025-04-14' },
  { name: 'gpt-4.1-nano', id: 'gpt-4.1-nano-2025-04-14' },
  { name: 'gpt-oss-20b', id: 'gpt-oss-20b' },
  // That these can be tuned is documented; their ids are assumed.
  { name: 'qwen3-32b', id: 'qwen3-32b' },
  { name: 'llama-3.3-70b-instruct', id: 'Llama-3.3-70B-Instruct' },
  { name: 'ministral-3b', id: 'Ministral-3B' },
];

/** An idle deployment is deleted after 15 days, and is paid for until then. */
const BY_THE_HOUR: ProfileChanges = { lease: { paidByHour: true, idleMinutes: null } };

/** Azure OpenAI: OpenAI's protocol for training and asking, Azure Resource Manager for the deployment that makes a model callable. */
export const AZURE: ProviderProfile = {
  ...OPENAI,
  name: 'azure',
  description: 'Azure OpenAI, key in AZURE_OPENAI_API_KEY; options.resource names the resource',
  // The resource's name takes the place of {resource}.
  closes: null,
  address: 'https://{resource}.openai.azure.com/openai/v1',
  domains: ['openai.azure.com', 'cognitiveservices.azure.com', 'services.ai.azure.com'],
  addresses: { management: 'https://management.azure.com', login: 'https://login.microsoftonline.com' },
  keyVariable: 'AZURE_OPENAI_API_KEY',
  keyHeader: 'api-key',
  dialect: 'azure',
  models: MODELS,
  options: {
    resource: { description: 'name of the Azure OpenAI resource', sentWith: 'address', type: 'string', required: true },
    subscription: {
      description: 'id of the Azure subscription, which the management of deployments needs',
      sentWith: 'address',
      type: 'string',
      required: true,
    },
    resource_group: { description: 'name of the resource group', sentWith: 'address', type: 'string', required: true },
    training_type: {
      description: 'developerTier costs half and may be interrupted; Standard keeps the data in its region',
      sentWith: 'job',
      type: 'string',
      oneOf: ['Standard', 'GlobalStandard', 'developerTier'],
      default: 'GlobalStandard',
    },
    deployment_sku: {
      description: 'developertier has no price by the hour and ends after 24 hours; the others are for production',
      sentWith: 'lease',
      type: 'string',
      oneOf: ['developertier', 'globalstandard', 'standard'],
      default: 'developertier',
      changes: { globalstandard: BY_THE_HOUR, standard: BY_THE_HOUR },
    },
    capacity: {
      description: 'thousands of tokens a minute of a deployment',
      sentWith: 'lease',
      type: 'integer',
      range: [1, 10_000],
      default: 50,
    },
  },
  ids: { ...OPENAI.ids, tunedModel: /\.ft-|^ftchkpt-/ },
  billing: { charges: 'tokens', priceList: 'azure', names: namesById(MODELS) },
  jobs: { ...OPENAI.jobs, filtersMetadata: false, longestSuffix: 40, cancelledPays: 'trained', checkpoints: 'leased' },
  constraints: { labels: 'none', jsonSchema: true },
  serving: {
    start: 'lease',
    lease: {
      models: 1,
      atOnce: 5,
      coldStartMinutes: 10,
      idleMinutes: 24 * 60,
      paidByHour: false,
      keptByHour: true,
      servesBase: false,
    },
  },
  storesCompletions: true,
};
