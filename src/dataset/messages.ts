import { TuneloopError } from '../errors.ts';
import { type PromptTemplate, promptForInput, type Treatment, treatPrompt } from './instructions/template.ts';
import type { Example, Message } from './row.ts';

/**
 * What a model gets for an example.
 *
 * @throws TuneloopError INSTRUCTIONS_NOT_FOUND where the prompt is to be kept, and the input of a test file cannot be put
 * into it, because the prompt has several slots.
 */
export function messagesFor(
  template: PromptTemplate,
  { id, input, version, slots = [input] }: Pick<Example, 'id' | 'input' | 'version' | 'slots'>,
  treatment: Treatment,
): Message[] {
  if (treatment === 'strip') return [{ role: 'user', content: input }];
  const prompt =
    version === undefined
      ? promptForInput(template, input, treatment)
      : treatPrompt(template, { version, slots, input }, treatment);
  // Fine-tuning services know no developer, which is a later name of the same role.
  if (prompt) return prompt.map(({ role, content }) => ({ role: role === 'developer' ? 'system' : role, content }));
  throw new TuneloopError(
    'INSTRUCTIONS_NOT_FOUND',
    `row ${id} of the test file is a bare input, and the original prompt has several slots: give log rows with whole prompts`,
  );
}
