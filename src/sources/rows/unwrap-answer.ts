import type { RowIssue } from '../../core/dataset/issue.ts';
import { issueOfEnd } from './ended-badly.ts';
import { isNothing, isObject, type Json } from './json-value.ts';
import { unpacked } from './packed-json.ts';
import { readPythonLiteral } from './python-literal.ts';
import { textOf } from './read-messages.ts';
import { isStream, joinChunks, readEvents } from './streamed-answer.ts';

/** What an answer holds once its packaging is taken off. */
export interface Unwrapped {
  text: string | undefined;
  /** Why it is none to learn from. */
  flaw?: RowIssue | undefined;
  refusal?: string | undefined;
  /** Issues of the packaging. */
  notes: RowIssue[];
}

const NOTHING: Unwrapped = { text: undefined, notes: [] };

/**
 * The text of an answer that is logged as a text, a message, a response of an API, its chunks or its events; an answer that is any other
 * value is its JSON text.
 */
export function unwrapAnswer(value: unknown): Unwrapped {
  if (value === undefined || value === null) return NOTHING;
  if (typeof value === 'string') return ofText(value);
  if (typeof value !== 'object') return { text: JSON.stringify(value), notes: ['json-answer'] };
  const packed = Array.isArray(value) ? ofList(value) : isObject(value) ? ofObject(value) : undefined;
  return packed ?? { text: JSON.stringify(value), notes: ['json-answer'] };
}

/** Beginnings of what clients print of a response or a message. */
const PRINTED =
  /^\s*(?:ChatCompletion|ChatCompletionMessage|Completion|Response|Message|AIMessage|ModelResponse|Choices?)\(\w+=/;
const PRINTED_LANGCHAIN = /^content=(?:'|")/;

function ofText(text: string): Unwrapped {
  if (isStream(text)) return withNote(ofChunks(readEvents(text)) ?? { text, flaw: 'unreadable-answer', notes: [] });
  if (PRINTED.test(text)) return printed(text, readPythonLiteral(text));
  // LangChain prints the fields of a message without its name, and with spaces between them.
  if (PRINTED_LANGCHAIN.test(text)) {
    return printed(text, readPythonLiteral(`Message(${text.replaceAll(/ (?=[a-z_]+=[[{'"\d])/g, ', ')})`));
  }
  if (!/^\s*[[{]/.test(text)) return withoutReasoning(text);
  const value = unpacked(text);
  if (typeof value !== 'object' || value === null) return withoutReasoning(text);
  const packed = Array.isArray(value) ? ofList(value) : ofObject(value as Json);
  // JSON that is no packaging is the answer itself, byte for byte.
  return packed ?? { text, notes: [] };
}

function withNote(unwrapped: Unwrapped): Unwrapped {
  return { ...unwrapped, notes: ['raw-completion', ...unwrapped.notes.filter((note) => note !== 'raw-completion')] };
}

function ofList(list: readonly unknown[]): Unwrapped | undefined {
  if (list.length === 0) return NOTHING;
  const chunks = ofChunks(list);
  if (chunks) return withNote(chunks);
  const [only] = list;
  if (list.length === 1 && isObject(only)) {
    const packed = ofObject(only);
    if (packed) return packed;
  }
  // The output of the Responses API, or several messages of one turn.
  if (list.every((item) => isObject(item) && isOutputItem(item))) return ofOutput(list as Json[]);
  const text = textOf(list);
  const hasCalls = list.some((part) => isObject(part) && isCall(part));
  const isParts = list.every(
    (part) => isObject(part) && typeof part.type === 'string' && ('text' in part || hasCalls || isMedia(part)),
  );
  if (!isParts) return undefined;
  return {
    text: text ?? undefined,
    flaw: hasCalls ? 'tool-call' : text === null ? 'unsupported-content' : undefined,
    notes: ['content-parts'],
  };
}

function ofChunks(list: readonly unknown[]): Unwrapped | undefined {
  const joined = joinChunks(list);
  if (!joined) return undefined;
  const flaw = joined.calls ? 'tool-call' : joined.flaw;
  return { ...withoutReasoning(joined.text), ...(flaw ? { flaw } : {}) };
}

function ofObject(object: Json): Unwrapped | undefined {
  if (isError(object)) return { text: undefined, flaw: 'api-error', notes: [] };
  const found = responseOf(object);
  return found?.flaw === 'unreadable-answer' ? found : found && withNote(found);
}

/** The forms of the APIs; undefined for an object that is the answer itself. */
function responseOf(object: Json): Unwrapped | undefined {
  const { choices, output, candidates, message, generations, kwargs, data } = object;
  if (Array.isArray(choices)) return ofChoices(choices, object);
  if (Array.isArray(candidates) && candidates.some(isObject)) return ofChoices(candidates, object);
  if (
    object.object === 'response' ||
    (Array.isArray(output) && output.every((item) => isObject(item) && isOutputItem(item)) && output.length > 0)
  ) {
    const read = Array.isArray(output) ? ofOutput(output.filter(isObject)) : NOTHING;
    return ended(read, object);
  }
  if (Array.isArray(generations)) {
    const generation: unknown = Array.isArray(generations[0]) ? generations[0][0] : generations[0];
    return isObject(generation) ? ofGeneration(generation) : NOTHING;
  }
  // Bedrock, Ollama and the Vercel AI SDK.
  if (isObject(output) && isObject(output.message)) return ended(ofMessage(output.message), object);
  if (isObject(message) && 'content' in message && 'role' in message) return ended(ofMessage(message), object);
  if (Array.isArray(object.id) && isObject(kwargs)) return ended(ofMessage(kwargs), kwargs);
  if (object.type === 'ai' && isObject(data)) return ended(ofMessage(data), data);
  if (isMessage(object)) return ended(ofMessage(object), object);
  // A message of somebody else is no answer.
  if (typeof object.role === 'string' && 'content' in object)
    return { text: undefined, flaw: 'unreadable-answer', notes: [] };
  return undefined;
}

const ROLES_OF_ANSWERS = new Set(['assistant', 'model', 'ai', 'gpt', 'bot']);

function isMessage(object: Json): boolean {
  const { role, type, from } = object;
  if (typeof role === 'string') return ROLES_OF_ANSWERS.has(role.toLowerCase());
  if (typeof from === 'string' && 'value' in object) return ROLES_OF_ANSWERS.has(from.toLowerCase());
  return (type === 'ai' || type === 'AIMessageChunk' || type === 'message') && 'content' in object;
}

function ofGeneration(generation: Json): Unwrapped {
  const { message, text, generation_info: info, generationInfo } = generation;
  const read = isObject(message)
    ? (responseOf(message) ?? ofMessage(message))
    : { ...NOTHING, ...withoutReasoning(String(text ?? '')) };
  const more = info ?? generationInfo;
  return isObject(more) ? ended(read, more) : read;
}

function ofChoices(choices: readonly unknown[], response: Json): Unwrapped {
  const [first] = choices;
  if (!isObject(first)) return { ...NOTHING, flaw: issueOfEnd(response) ?? 'empty-completion' };
  const message = isObject(first.message) ? first.message : isObject(first.content) ? first.content : undefined;
  const read = message
    ? ofMessage(message)
    : { ...NOTHING, ...withoutReasoning(typeof first.text === 'string' ? first.text : '') };
  const unwrapped = ended(ended(read, first), response);
  return choices.length > 1 ? { ...unwrapped, notes: [...unwrapped.notes, 'several-choices'] } : unwrapped;
}

function ofMessage(logged: Json): Unwrapped {
  const message = refusalOut(logged);
  const content = message.content ?? message.parts ?? message.value;
  const notes: RowIssue[] = Array.isArray(content) ? ['content-parts'] : [];
  const refusal = typeof message.refusal === 'string' && message.refusal !== '' ? message.refusal : undefined;
  if (callsOf(message, content)) return { text: undefined, flaw: 'tool-call', refusal, notes };
  const text = content == null || isNothing(content) ? (typeof content === 'string' ? '' : undefined) : textOf(content);
  const flaw = text === null ? 'unsupported-content' : undefined;
  const read = typeof text === 'string' ? withoutReasoning(text) : { text: undefined, notes: [] };
  const refused = refusal === undefined ? {} : { refusal, flaw: 'refusal' as const };
  return { flaw, ...read, ...refused, notes: [...notes, ...read.notes] };
}

/** Items of the Responses API: messages, reasoning, calls. */
function isOutputItem(item: Json): boolean {
  if (item.type === 'message' || item.type === 'reasoning') return 'content' in item || 'summary' in item;
  return typeof item.type === 'string' && /_call$/.test(item.type);
}

function ofOutput(items: readonly Json[]): Unwrapped {
  const messages = items.filter(({ type }) => type === 'message');
  if (items.some(isCall)) return { text: undefined, flaw: 'tool-call', notes: ['raw-completion'] };
  const reads = messages.map((message) => ended(ofMessage(message), message));
  const texts = reads.flatMap(({ text }) => text ?? []);
  const flaw = reads.find((read) => read.flaw)?.flaw;
  const refusal = reads.find((read) => read.refusal)?.refusal;
  return {
    text: texts.length > 0 ? texts.join('') : undefined,
    flaw,
    refusal,
    notes: ['raw-completion', ...reads.flatMap(({ notes }) => notes)],
  };
}

/** A refusal is a part of its own in the Responses API. */
function refusalOut(message: Json): Json {
  if (!Array.isArray(message.content)) return message;
  const part = message.content.find((each: unknown) => isObject(each) && each.type === 'refusal');
  return isObject(part) ? { ...message, content: '', refusal: part.refusal } : message;
}

function ended(read: Unwrapped, record: Json): Unwrapped {
  // Where a call or a refusal is seen, the reason says no more.
  return read.flaw ? read : { ...read, flaw: issueOfEnd(record) };
}

function isCall(part: Json): boolean {
  return (
    (typeof part.type === 'string' && /^(?:tool_use|tool_call|function|.*_call)$/.test(part.type)) ||
    'functionCall' in part ||
    'function_call' in part ||
    'toolUse' in part
  );
}

function isMedia(part: Json): boolean {
  return typeof part.type === 'string' && /image|audio|file|video/.test(part.type);
}

function callsOf(message: Json, content: unknown): boolean {
  if (Array.isArray(content) && content.some((part) => isObject(part) && isCall(part))) return true;
  const more = isObject(message.additional_kwargs) ? message.additional_kwargs.tool_calls : undefined;
  return (
    !isNothing(message.tool_calls) ||
    !isNothing(more) ||
    (message.function_call !== undefined && message.function_call !== null)
  );
}

function isError({ error, type, detail, choices }: Json): boolean {
  if (choices !== undefined) return false;
  if (isObject(error)) return ['message', 'type', 'code', 'status'].some((key) => key in error);
  return type === 'error' && (error !== undefined || detail !== undefined);
}

function printed(text: string, fields: unknown): Unwrapped {
  if (isObject(fields)) {
    const read = responseOf(fields) ?? ('content' in fields ? ended(ofMessage(fields), fields) : undefined);
    if (read) return withNote(read);
  }
  if (Array.isArray(fields)) return { text, flaw: 'unreadable-answer', notes: [] };
  return { text, flaw: 'unreadable-answer', notes: [] };
}

const REASONING_TAG = 'think|thinking|thought|reasoning|reflection';
const REASONING = new RegExp(`^\\s*<(${REASONING_TAG})>[^]*?</\\1>\\s*`, 'i');
const OPEN_REASONING = new RegExp(`^\\s*<(?:${REASONING_TAG})>`, 'i');
/** Where the opening tag belongs to the prompt, as with DeepSeek R1. */
const END_OF_REASONING = /^[^<]*<\/think>\s*/i;

/** Reasoning in tags at the beginning of an answer is no part of it; reasoning that does not end was cut off. */
function withoutReasoning(text: string): Pick<Unwrapped, 'text' | 'flaw' | 'notes'> {
  if (!text.includes('<')) return { text, notes: [] };
  const rest = text.replace(REASONING, '');
  if (rest !== text) return { text: rest, notes: ['reasoning'] };
  if (OPEN_REASONING.test(text)) return { text, flaw: 'cut-off', notes: [] };
  const after = text.replace(END_OF_REASONING, '');
  return after === text ? { text, notes: [] } : { text: after, notes: ['reasoning'] };
}
