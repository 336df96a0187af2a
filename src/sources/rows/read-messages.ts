import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { isNothing, isObject, type Json, kindOf } from './json-value.ts';
import { unpacked } from './packed-json.ts';
import type { Refused } from './refused.ts';
import type { RowNotes } from './row-notes.ts';

/** What other tools call the roles. */
const ROLES: Readonly<Record<string, Message['role'] | 'function'>> = {
  system: 'system',
  developer: 'developer',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'function',
  human: 'user',
  ai: 'assistant',
  aimessagechunk: 'assistant',
  gpt: 'assistant',
  model: 'assistant',
  bot: 'assistant',
  chatbot: 'assistant',
};

/** A message before its content is read. */
interface FoundMessage {
  role: string;
  content: unknown;
  calls: boolean;
  /** Parts of its fields that are no text. */
  weight?: unknown;
}

/**
 * The messages of a prompt, as the APIs or LangChain, ShareGPT, Gemini and OpenTelemetry write them; a text may hold the list, as JSON or as
 * Python prints it.
 */
export function readMessages(value: unknown, key: string, notes: RowNotes): Message[] | Refused {
  let list = unpacked(value);
  if (isObject(list)) list = Array.isArray(list.messages) ? list.messages : [list];
  if (!Array.isArray(list)) {
    return { refused: 'wrong-shape', detail: `${key}: must be a list of messages; found ${kindOf(value)}` };
  }
  if (list !== value) notes.add('converted-key', `${key}: found ${kindOf(value)}, read as a list of messages`);
  // LangSmith and LangChain keep a list of prompts.
  if (list.length === 1 && Array.isArray(list[0]) && !isPair(list[0])) list = list[0] as unknown[];
  const messages: Message[] = [];
  for (const [index, each] of (list as unknown[]).entries()) {
    const message = readMessage(each, `${key}.${index}`, notes);
    if ('refused' in message) return message;
    messages.push(message);
  }
  return messages;
}

function readMessage(value: unknown, place: string, notes: RowNotes): Message | Refused {
  // The common form costs no further look.
  if (isObject(value) && typeof value.content === 'string' && typeof value.role === 'string') {
    const role = ROLES[value.role];
    if (role && role !== 'function' && role === value.role && !hasCalls(value)) return { role, content: value.content };
  }
  const found = findMessage(value);
  if (found === undefined) {
    return {
      refused: 'wrong-shape',
      detail: `${place}: must be a message of role and content; found ${kindOf(value)}`,
    };
  }
  const role = ROLES[found.role.toLowerCase()];
  if (role === undefined) {
    const named = /^[\w-]{1,20}$/.test(found.role) ? `"${found.role}"` : kindOf(found.role);
    return {
      refused: 'wrong-shape',
      detail: `${place}.role: must be system, developer, user, assistant or tool; found ${named}`,
    };
  }
  if (role === 'function' || found.calls) return { refused: 'tool-messages', detail: place };
  if (role !== found.role) notes.add('converted-key', `${place}.role: found ${found.role}, read as ${role}`);
  const text = textOf(found.content);
  if (text === null) return { refused: 'unsupported-content', detail: `${place}.content` };
  if (text === undefined) {
    return {
      refused: 'wrong-shape',
      detail: `${place}.content: must be text, or a list of text parts; found ${kindOf(found.content)}`,
    };
  }
  if (typeof found.content !== 'string') notes.add('content-parts');
  return { role, content: text };
}

function findMessage(value: unknown): FoundMessage | undefined {
  if (isPair(value)) return { role: value[0], content: value[1], calls: false };
  if (!isObject(value)) return undefined;
  const langchain = langchainMessage(value);
  if (langchain) return langchain;
  // ShareGPT has from and value, OpenTelemetry and Gemini have parts.
  const role = value.role ?? value.from;
  const content = value.content ?? value.parts ?? value.value;
  if (typeof role === 'string') return { role, content, calls: hasCalls(value) };
  // Items of the Responses API without a role are calls and their outputs.
  if (typeof value.type === 'string' && /call/.test(value.type)) return { role: 'tool', content: '', calls: true };
  return undefined;
}

/** `{lc, id: [..., "HumanMessage"], kwargs}`, `{type: "human", data}` and `{type: "human", content}`. */
function langchainMessage(value: Json): FoundMessage | undefined {
  if (Array.isArray(value.id) && isObject(value.kwargs)) {
    const name = /^(\w+?)Message(?:Chunk)?$/.exec(String(value.id.at(-1)))?.[1]?.toLowerCase();
    const role = name === 'chat' ? value.kwargs.role : name;
    return typeof role === 'string' ? fieldsOf(role, value.kwargs) : undefined;
  }
  if (typeof value.type !== 'string' || !Object.hasOwn(ROLES, value.type.toLowerCase()) || 'role' in value)
    return undefined;
  return fieldsOf(value.type, isObject(value.data) ? value.data : value);
}

function fieldsOf(role: string, fields: Json): FoundMessage {
  return { role, content: fields.content, calls: hasCalls(fields) };
}

/** `["human", "text"]`, as prompt templates of LangChain write it. */
function isPair(value: unknown): value is [string, string] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((each) => typeof each === 'string') &&
    Object.hasOwn(ROLES, String(value[0]).toLowerCase())
  );
}

function hasCalls(message: Json): boolean {
  const more = isObject(message.additional_kwargs) ? message.additional_kwargs : undefined;
  return (
    (message.tool_calls !== undefined && !isNothing(message.tool_calls)) ||
    (message.function_call !== undefined && message.function_call !== null) ||
    (more !== undefined && !isNothing(more.tool_calls))
  );
}

/** Parts that hold a model's reasoning, which nobody asked for. */
const REASONING_PART = /^(?:thinking|redacted_thinking|reasoning)$/;

/** The text of a message, or of its parts; null where a part is not text, undefined where there is no text at all. */
export function textOf(content: unknown): string | null | undefined {
  if (typeof content === 'string') return content;
  if (isObject(content) && Array.isArray(content.parts)) return textOf(content.parts);
  if (isObject(content) && typeof content.text === 'string') return content.text;
  if (!Array.isArray(content) || content.length === 0) return undefined;
  let text = '';
  for (const part of content as unknown[]) {
    const read = partText(part);
    if (typeof read !== 'string') return read;
    text += read;
  }
  return text;
}

function partText(part: unknown): string | null | undefined {
  if (typeof part === 'string') return part;
  if (!isObject(part)) return undefined;
  const { type } = part;
  if (part.thought === true || (typeof type === 'string' && REASONING_PART.test(type))) return '';
  const text = part.text ?? (type === 'text' ? part.content : undefined);
  if (type === undefined) return typeof text === 'string' ? text : Object.keys(part).length > 0 ? null : undefined;
  if (typeof type !== 'string') return undefined;
  return /^(input_|output_)?text$/.test(type) && typeof text === 'string' ? text : null;
}
