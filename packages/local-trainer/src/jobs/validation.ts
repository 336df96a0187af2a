import type { Validation } from '../engine.ts';
import { chatTokens } from '../tokens.ts';
import { readTrainingFile, TrainingFileError } from './training-file.ts';

export const FEWEST_EXAMPLES = 10;

/** Reads a whole training or validation file: whether it is well-formed, and its numbers of examples and tokens. */
export function validateFile(bytes: Uint8Array, role: 'training' | 'validation'): Validation {
  let examples = 0;
  let tokens = 0;
  try {
    for (const line of readTrainingFile(bytes)) {
      examples++;
      tokens += chatTokens(line.messages);
    }
    const fewest = role === 'training' ? FEWEST_EXAMPLES : 1;
    if (examples < fewest) {
      const name = role === 'training' ? 'Training' : 'Validation';
      throw new TrainingFileError(
        'invalid_n_examples',
        `${name} file has ${examples} example(s), but must have at least ${fewest} examples`,
      );
    }
  } catch (error) {
    if (error instanceof TrainingFileError) return { kind: 'invalid', code: error.code, message: error.message };
    throw error;
  }
  return { kind: 'valid', examples, tokens };
}
