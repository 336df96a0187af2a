import type { Example } from './row.ts';

/**
 * One line of a training file: the input alone, without instructions, and the right answer. Lone surrogates, which
 * UTF-8 cannot hold, become U+FFFD.
 */
export function trainingLine({ input, completion }: Pick<Example, 'input' | 'completion'>): string {
  return JSON.stringify({
    messages: [
      { role: 'user', content: input.toWellFormed() },
      { role: 'assistant', content: completion.toWellFormed() },
    ],
  });
}
