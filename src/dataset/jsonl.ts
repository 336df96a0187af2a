import { TuneloopError } from '../errors.ts';
import type { Example } from './row.ts';
import { trainingLine } from './training-line.ts';

/** {@link trainingLine} with its line break, as it stands in a file. */
export function toTrainingLine(example: Pick<Example, 'input' | 'completion'>): string {
  return `${trainingLine(example)}\n`;
}

/**
 * Reads a line that {@link toTrainingLine} wrote. Gives back what went in, but for lone surrogates, which became U+FFFD.
 *
 * @throws TuneloopError ARTIFACT_CORRUPT if the line is not one user message and one assistant message.
 */
export function parseTrainingLine(line: string): Pick<Example, 'input' | 'completion'> {
  const messages = messagesOf(line);
  const [user, assistant] = messages;
  if (messages.length !== 2 || user?.role !== 'user' || assistant?.role !== 'assistant') throw corrupt();
  return { input: user.content, completion: assistant.content };
}

function messagesOf(line: string): { role: string; content: string }[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw corrupt();
  }
  if (!hasKey(value, 'messages') || !Array.isArray(value.messages)) throw corrupt();
  return value.messages.map((message: unknown) => {
    if (!hasKey(message, 'role') || !hasKey(message, 'content')) throw corrupt();
    const { role, content } = message;
    if (typeof role !== 'string' || typeof content !== 'string') throw corrupt();
    return { role, content };
  });
}

function hasKey<Key extends string>(value: unknown, key: Key): value is Record<Key, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

/** Without the line itself, which is production data. */
function corrupt(): TuneloopError {
  return new TuneloopError(
    'ARTIFACT_CORRUPT',
    'a line of a training file is not {"messages": [user, assistant]}: write the dataset again',
  );
}
