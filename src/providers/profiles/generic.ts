import type { ProviderProfile } from '../profile.ts';
import { OPENAI } from './openai.ts';

/** The profile of a server that speaks OpenAI's protocol and has no profile of its own. */
export const GENERIC: Omit<ProviderProfile, 'address' | 'keyVariable'> = {
  name: 'openai-protocol',
  description: 'any server that speaks the protocol of OpenAI',
  dialect: 'openai',
  languageModels: true,
  limits: OPENAI.limits,
  ids: OPENAI.ids,
  // By the names of its models, where the price file has them.
  billing: OPENAI.billing,
  promptCache: OPENAI.promptCache,
  jobs: OPENAI.jobs,
  serving: OPENAI.serving,
  storesCompletions: true,
};
