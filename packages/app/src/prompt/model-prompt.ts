import type { Message } from './chat-message.ts';
import { type PromptTemplate, promptForInput, type Treatment, treatPrompt } from './prompt-template.ts';

/** An input, and the known facts about its prompt. */
export interface ModelInput {
  input: string;
  /** Version of the template that the prompt followed, from 0; absent for a bare input. */
  version?: number;
  /** The contents of the template's slots; absent where the input is the only one. */
  slots?: string[];
}

/**
 * The messages for a model, as in its training. Undefined where the prompt is to be kept, but a bare input cannot be put into it, because
 * the prompt has several slots.
 */
export function modelPrompt(
  template: PromptTemplate,
  { input, version, slots = [input] }: ModelInput,
  treatment: Treatment,
): Message[] | undefined {
  if (treatment === 'strip') return [{ role: 'user', content: input }];
  const prompt =
    version === undefined
      ? promptForInput(template, input, treatment)
      : treatPrompt(template, { version, slots, input }, treatment);
  // Fine-tuning services know no developer, which is a later name of the same role.
  return prompt?.map(({ role, content }) => ({ role: role === 'developer' ? 'system' : role, content }));
}
