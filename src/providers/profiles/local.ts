import type { ProviderProfile } from '../profile.ts';
import { OPENAI } from './openai.ts';

/** The default port of the local trainer. */
export const TRAINER_PORT = 8484;

/** The trainer that comes with Tuneloop. It speaks OpenAI's protocol with OpenAI's limits, on this machine. */
export const LOCAL: ProviderProfile = {
  ...OPENAI,
  name: 'local',
  description:
    'the trainer that comes with Tuneloop: small n-gram models, and LLMs where `tuneloop engine install` was run',
  closes: null,
  address: `http://127.0.0.1:${TRAINER_PORT}/v1`,
  domains: [],
  keyVariable: null,
  wordModels: /^local-/,
  billing: { charges: 'machine-time' },
  promptCache: null,
  // It lists a job before it answers. Ranks are for LLMs: n-gram models have none.
  jobs: { ...OPENAI.jobs, settlingMs: 1000, loraRank: { default: 16, range: [1, 256], powerOfTwo: false } },
  constraints: { labels: 'choice', jsonSchema: true },
  serving: { start: 'included', lease: null },
};
