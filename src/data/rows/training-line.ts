import type { PromptTemplate, Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Example } from '../../core/dataset/row.ts';
import { messagesFor } from './messages.ts';

/**
 * One line of a training file: the prompt after its treatment (with `strip` the input alone), and the right answer. Lone surrogates, which
 * UTF-8 cannot hold, become U+FFFD.
 */
export function trainingLine(template: PromptTemplate, example: Example, treatment: Treatment): string {
  const messages = [...messagesFor(template, example, treatment), { role: 'assistant', content: example.completion }];
  return JSON.stringify({ messages: messages.map(({ role, content }) => ({ role, content: content.toWellFormed() })) });
}
