import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { isNothing, isObject, type Json, kindOf } from './json-value.ts';
import { unpacked } from './packed-json.ts';
import { readMessages, textOf } from './read-messages.ts';
import type { Refused } from './refused.ts';
import type { RowNotes } from './row-notes.ts';

/** Keys of the APIs that hold the system's text beside the messages. */
const SYSTEM_KEYS = [
  'system',
  'instructions',
  'instruction',
  'systemInstruction',
  'system_instruction',
  'system_prompt',
] as const;
/** Keys that decide what a model answers, and that cannot be written into a prompt without knowing how the application did. */
const UNREADABLE_KEYS = ['tools', 'functions', 'context', 'documents', 'examples'] as const;
/** Keys that may hold the messages, the usual one first; Gemini calls them contents, the Responses API input, ShareGPT conversations. */
const MESSAGE_KEYS = ['messages', 'contents', 'input', 'conversations'] as const;

/**
 * The prompt of a row, with text that stands beside the messages. A key that seems to hold a part of the prompt and cannot be read is refused,
 * because a baseline without it would be asked another question.
 */
export function readPrompt(
  row: Json,
  notes: RowNotes,
  ignore: readonly string[] = [],
): { messages: Message[] } | Refused {
  for (const key of UNREADABLE_KEYS) {
    const value = row[key];
    if (value !== undefined && !ignore.includes(key) && holdsPrompt(value)) {
      return {
        refused: 'unread-prompt',
        detail: `${key}: found ${kindOf(value)}; put its text into the messages, or say source.ignore: [${key}] if no model saw it`,
      };
    }
  }
  const read = readTurns(row, notes, ignore);
  if ('refused' in read) return read;
  const { messages } = read;
  for (const key of SYSTEM_KEYS) {
    const value = row[key];
    if (isNothing(value) || ignore.includes(key)) continue;
    const text = textOf(value);
    if (typeof text !== 'string') {
      return {
        refused: 'unread-prompt',
        detail: `${key}: must be text, or a list of text parts; found ${kindOf(value)}`,
      };
    }
    if (messages.some(({ content }) => content === text)) continue;
    messages.unshift({ role: 'system', content: text });
    notes.add('prompt-key', key);
  }
  return messages.every(({ content }) => content.trim() === '') ? { refused: 'no-prompt' } : read;
}

function readTurns(row: Json, notes: RowNotes, ignore: readonly string[]): { messages: Message[] } | Refused {
  const key = MESSAGE_KEYS.find((each) => !isNothing(row[each]));
  const { prompt } = row;
  if (isNothing(prompt) && key === undefined) return { messages: [] };
  if (isNothing(prompt) && key !== undefined) return ofMessages(row[key], key, notes);
  if (key === 'messages') {
    return { refused: 'wrong-shape', detail: 'the row: must have either messages or prompt; found both' };
  }
  if (key !== undefined && !ignore.includes(key)) {
    return {
      refused: 'unread-prompt',
      detail: `${key}: stands beside prompt; join them, or say source.ignore: [${key}]`,
    };
  }
  // A prompt as text may hold the list of messages.
  const list = unpacked(prompt);
  const isList =
    Array.isArray(list) &&
    list.length > 0 &&
    list.every((each) => isObject(each) && ('role' in each || 'type' in each));
  if (isList || (isObject(prompt) && 'messages' in prompt)) return ofMessages(list, 'prompt', notes);
  if (typeof prompt === 'string') return { messages: [{ role: 'user', content: prompt }] };
  // The legacy API takes a list of one prompt.
  if (Array.isArray(prompt) && prompt.length === 1 && typeof prompt[0] === 'string') {
    return { messages: [{ role: 'user', content: prompt[0] }] };
  }
  return { refused: 'wrong-shape', detail: `prompt: must be text; found ${kindOf(prompt)}` };
}

function ofMessages(value: unknown, key: string, notes: RowNotes): { messages: Message[] } | Refused {
  if (key !== 'messages') {
    notes.add('prompt-key', key);
    if (typeof value === 'string' && typeof unpacked(value) === 'string')
      return { messages: [{ role: 'user', content: value }] };
    const { contents } = isObject(value) ? value : {};
    // Gemini leaves out the role of a single turn.
    const list = Array.isArray(contents) ? contents : value;
    const turns = Array.isArray(list)
      ? list.map((turn) => (isObject(turn) && 'parts' in turn && !('role' in turn) ? { role: 'user', ...turn } : turn))
      : list;
    const messages = readMessages(turns, key, notes);
    return 'refused' in messages ? messages : { messages };
  }
  const messages = readMessages(value, key, notes);
  return 'refused' in messages ? messages : { messages };
}

/** Ids and figures of a trace are none; texts and lists are. */
function holdsPrompt(value: unknown): boolean {
  if (isNothing(value)) return false;
  if (typeof value === 'string' || Array.isArray(value)) return true;
  return (
    isObject(value) &&
    Object.values(value).some((each) => (typeof each === 'string' ? /\s/.test(each) : holdsPrompt(each)))
  );
}
