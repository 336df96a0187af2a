import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { linesIn } from '@tuneloop/app/internal/shared/lines';
import type { CountedMessage } from '../tokens.ts';

/** An input and the completion that belongs to it. */
export interface Example {
  readonly input: string;
  readonly completion: string;
}

/** Why a file cannot be trained on; `code` is that of the failed job. */
export class TrainingFileError extends Error {
  override readonly name = 'TrainingFileError';
  readonly code: 'invalid_file_format' | 'invalid_n_examples';

  constructor(code: TrainingFileError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** One line of a training file. */
export interface TrainingLine extends Example {
  readonly messages: readonly CountedMessage[];
}

const TOP_LEVEL_KEYS = new Set(['messages', 'tools', 'parallel_tool_calls', 'functions']);
const MESSAGE_KEYS = new Set([
  'role',
  'content',
  'name',
  'weight',
  'tool_calls',
  'tool_call_id',
  'function_call',
  'refusal',
]);
const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/**
 * The examples of a chat JSONL file; blank lines are passed over.
 *
 * @throws TrainingFileError `invalid_file_format` that names the line, counted from 1
 */
export function* readTrainingFile(bytes: Uint8Array): Generator<TrainingLine, void, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 0;
  for (const bytesOfLine of linesIn(bytes)) {
    line++;
    let text: string;
    try {
      text = decoder.decode(bytesOfLine);
    } catch {
      throw malformed(line, 'it is not UTF-8 text');
    }
    if (text.trim() !== '') yield parseLine(text, line);
  }
}

function parseLine(text: string, line: number): TrainingLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed(line, 'it is not valid JSON');
  }
  if (!isRecord(value)) throw malformed(line, 'it is not a JSON object');
  for (const key of Object.keys(value)) {
    if (!TOP_LEVEL_KEYS.has(key))
      throw malformed(line, `unexpected key '${key}' (allowed: ${[...TOP_LEVEL_KEYS].join(', ')})`);
  }
  const { messages } = value;
  if (!Array.isArray(messages) || messages.length === 0)
    throw malformed(line, "'messages' must be a list that is not empty");
  const counted: CountedMessage[] = [];
  let input: string | undefined;
  let example: Example | undefined;
  for (const [at, message] of messages.entries()) {
    const { role, content, weight } = parseMessage(message, at, line);
    counted.push({ role, content });
    if (role === 'user') input = content;
    if (role !== 'assistant' || weight === 0) continue;
    example = { input: input ?? counted[0]?.content ?? '', completion: content };
  }
  const last: unknown = messages[messages.length - 1];
  if (isRecord(last) && last.role !== 'assistant') throw malformed(line, 'the last message must be from the assistant');
  if (example === undefined) throw malformed(line, 'no assistant message with weight 1 to learn from');
  return { ...example, messages: counted };
}

function parseMessage(message: unknown, at: number, line: number): CountedMessage & { weight: number } {
  const where = `messages[${at}]`;
  if (!isRecord(message)) throw malformed(line, `${where} is not an object`);
  for (const key of Object.keys(message)) {
    if (!MESSAGE_KEYS.has(key)) throw malformed(line, `unexpected key '${key}' in ${where}`);
  }
  const { role, weight } = message;
  if (typeof role !== 'string' || !ROLES.has(role)) {
    throw malformed(
      line,
      `${where} has the role ${JSON.stringify(role) ?? 'undefined'} (allowed: ${[...ROLES].join(', ')})`,
    );
  }
  if (weight !== undefined && (role !== 'assistant' || (weight !== 0 && weight !== 1))) {
    throw malformed(line, `${where}.weight must be 0 or 1, on assistant messages only`);
  }
  const content = contentText(message.content);
  if (content !== undefined) return { role, content, weight: weight === 0 ? 0 : 1 };
  const calls = message.tool_calls ?? message.function_call;
  if (role === 'assistant' && calls !== undefined)
    return { role, content: JSON.stringify(calls), weight: weight === 0 ? 0 : 1 };
  throw malformed(line, `${where}.content must be a string`);
}

/** The text of a message's `content`: a string, or parts of type `text`; undefined for anything else. */
export function contentText(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const texts: string[] = [];
  for (const part of content) {
    if (!isRecord(part) || typeof part.text !== 'string') return undefined;
    texts.push(part.text);
  }
  return texts.join('\n');
}

function malformed(line: number, reason: string): TrainingFileError {
  return new TrainingFileError('invalid_file_format', `Invalid file format. Line ${line}: ${reason}.`);
}
