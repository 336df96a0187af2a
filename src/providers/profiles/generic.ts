import type { ProviderProfile } from '../profile.ts';
import { OPENAI } from './openai.ts';

/** The profile of a server that speaks OpenAI's protocol and has no profile of its own. A pipeline has to name it. */
export const GENERIC: Omit<ProviderProfile, 'address' | 'keyVariable'> = {
  ...OPENAI,
  name: 'generic',
  description: 'any server that speaks the protocol of OpenAI',
  closes: null,
  // A server that passes over a field in silence would answer freely.
  constraints: { labels: 'none', jsonSchema: false },
  options: {
    chat_template_kwargs: {
      description: 'sent with every question, for example {enable_thinking: false}',
      sentWith: 'completion',
      type: 'object',
    },
  },
};
