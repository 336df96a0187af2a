import { isObject, type Json } from '../rows/json-value.ts';
import { unpacked } from '../rows/packed-json.ts';
import { filledText, type LogFormat, withoutEmpty } from './format.ts';

/** Pairs of a request and its response, as proxies and scripts write them: `{"request": {...}, "response": {...}}`. */
export const requestResponse: LogFormat = {
  name: 'request-response',
  what: 'pairs of request and response',
  fits: (record) => 'request' in record && 'response' in record && !('messages' in record),
  rows: ({ request, response, ...others }) => [ofCall(request, response, others)],
};

/** What a row takes from the record beside request and response. */
const OTHERS = [
  'id',
  'timestamp',
  'created_at',
  'created',
  'latency_ms',
  'metadata',
  'actual',
  'quality',
  'feedback',
  'status_code',
  'error',
];

/** A call whose request and response have the form of some API, or are texts. */
export function ofCall(request: unknown, response: unknown, others: Json): Json {
  const asked = bodyOf(request);
  const answered = bodyOf(response);
  const prompt = isObject(asked)
    ? withoutUnasked(asked)
    : Array.isArray(asked)
      ? { messages: asked }
      : { prompt: asked };
  const model = isObject(answered) ? filledText(answered.model) : undefined;
  return withoutEmpty({
    ...Object.fromEntries(OTHERS.filter((key) => key in others).map((key) => [key, others[key]])),
    ...prompt,
    completion: answered,
    model: model ?? (isObject(asked) ? filledText(asked.model) : undefined) ?? others.model,
    usage: isObject(answered) ? (answered.usage ?? answered.usageMetadata ?? answered.usage_metadata) : others.usage,
  });
}

/** HTTP logs keep the body in a key of its own. */
function bodyOf(value: unknown): unknown {
  const whole = unpacked(value);
  return isObject(whole) && 'body' in whole ? unpacked(whole.body) : whole;
}

/** The keys that hold the prompt; the rest sets how it is answered. */
const PROMPT_KEYS = [
  'messages',
  'prompt',
  'input',
  'contents',
  'system',
  'instructions',
  'systemInstruction',
  'system_instruction',
  'tools',
  'functions',
  'context',
  'documents',
];

function withoutUnasked(request: Json): Json {
  return Object.fromEntries(PROMPT_KEYS.filter((key) => key in request).map((key) => [key, request[key]]));
}
