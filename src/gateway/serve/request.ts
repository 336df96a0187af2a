import type { Alias } from '@tuneloop/app/internal/predict/alias';
import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { promptForInput } from '@tuneloop/app/internal/prompt/prompt-template';
import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';

/** A chat completion that an application asks for, with the parts that the gateway has to understand. */
export interface ChatRequest {
  /** The `model` of the protocol. */
  deployment: string;
  /** The prompt as texts; null where a model that was trained on texts cannot be asked at all, as for tools or images. */
  prompt: Message[] | null;
  stream: boolean;
  includeUsage: boolean;
  /** Keeps a person's calls on the same side of a canary; undefined where the application names no person. */
  key: string | undefined;
  /** The request, unchanged. */
  body: Readonly<Record<string, unknown>>;
}

const TEXT_ROLES: ReadonlySet<string> = new Set<Message['role']>(['system', 'developer', 'user', 'assistant']);
/** Parameters that ask for more than the text of one answer. */
const BEYOND_TEXT = ['tools', 'functions', 'audio', 'web_search_options'] as const;

/** @throws ApiError 400 that names the parameter, for a body that is no request for a chat completion */
export function parseChatRequest(body: unknown): ChatRequest {
  if (!isRecord(body)) throw invalid('model', 'The body of the request must be a JSON object.');
  const { model, messages, stream, stream_options, user, safety_identifier } = body;
  if (typeof model !== 'string' || model === '') throw invalid('model', 'you must provide a model parameter');
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', "Invalid 'messages': expected a list that is not empty.", 'invalid_value');
  }
  const key = [user, safety_identifier].find((name) => typeof name === 'string' && name !== '');
  return {
    deployment: model,
    prompt: isTextOnly(body) ? promptOf(messages) : null,
    stream: stream === true,
    includeUsage: isRecord(stream_options) && stream_options.include_usage === true,
    key: typeof key === 'string' ? key : undefined,
    body,
  };
}

/**
 * The request with the old prompt around its input, where the application has sent the input alone: one message of the user,
 * where every known prompt has further ones. A prompt of one message cannot be told from an input and stays as it is, as does
 * an input whose prompt has further slots.
 */
export function withOldPrompt(request: ChatRequest, { original, champion, canary }: Alias): ChatRequest {
  const [message, ...others] = request.prompt ?? [];
  const isInput = message?.role === 'user' && others.length === 0;
  const known = [original, champion, canary].flatMap((each) => each?.template.versions ?? []);
  if (!isInput || known.some(({ messages }) => messages.length === 1)) return request;
  const prompt = promptForInput(original.template, message.content, 'keep-instructions');
  return prompt ? { ...request, prompt, body: { ...request.body, messages: prompt } } : request;
}

function isTextOnly(body: Readonly<Record<string, unknown>>): boolean {
  const { n = null, modalities = null } = body;
  return (
    (n === null || n === 1) &&
    (modalities === null || (Array.isArray(modalities) && modalities.every((each) => each === 'text'))) &&
    BEYOND_TEXT.every((name) => isNothing(body[name]))
  );
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** Null as soon as one message is more than text. */
function promptOf(messages: readonly unknown[]): Message[] | null {
  const prompt: Message[] = [];
  for (const message of messages) {
    if (!isRecord(message) || !isNothing(message.tool_calls) || !isNothing(message.function_call)) return null;
    const content = textOf(message.content);
    if (content === undefined || !isTextRole(message.role)) return null;
    prompt.push({ role: message.role, content });
  }
  return prompt;
}

/** Parts are joined as when logs of production are read, so that a prompt is the same text in both. */
function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content) || content.length === 0) return undefined;
  const texts: string[] = [];
  for (const part of content) {
    if (!isRecord(part) || part.type !== 'text' || typeof part.text !== 'string') return undefined;
    texts.push(part.text);
  }
  return texts.join('');
}

function isTextRole(role: unknown): role is Message['role'] {
  return typeof role === 'string' && TEXT_ROLES.has(role);
}
