import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { modelPrompt } from '@tuneloop/app/internal/prompt/model-prompt';
import type { PromptTemplate, Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Example } from '../../core/dataset/row.ts';
import { TuneloopError } from '../../errors.ts';

/**
 * The messages of an example to a model.
 *
 * @throws TuneloopError INSTRUCTIONS_NOT_FOUND where the prompt is to be kept, but the input of a test file cannot be put into it, because
 * the prompt has several slots.
 */
export function messagesFor(
  template: PromptTemplate,
  { id, ...example }: Pick<Example, 'id' | 'input' | 'version' | 'slots'>,
  treatment: Treatment,
): Message[] {
  const messages = modelPrompt(template, example, treatment);
  if (messages) return messages;
  throw new TuneloopError(
    'INSTRUCTIONS_NOT_FOUND',
    `row ${id} of the test file is a bare input, and the original prompt has several slots: give log rows with whole prompts`,
  );
}
