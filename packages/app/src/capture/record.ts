/** One line of a log, in the form that `tuneloop` reads. */
export interface CapturedCall {
  /** Of the response, so that the application can name the call later. */
  id: string;
  /** The time of the request, ISO 8601. */
  timestamp: string;
  /** As they were sent: contents may be lists of parts. */
  messages: { role: string; content: unknown }[];
  completion: string | null;
  /** As the response names it. */
  model: string | null;
  usage: { prompt_tokens: number; completion_tokens: number } | null;
  /** Until the whole answer had arrived. */
  latency_ms: number;
  finish_reason: string | null;
  refusal?: string;
  metadata?: Record<string, string>;
}

/** A request and the body of its answer, as they went over the wire. */
export interface Exchange {
  endpoint: 'chat/completions' | 'responses';
  request: string;
  response: string;
  streamed: boolean;
  startedAt: Date;
  latencyMs: number;
}

/** Makes a line of the log of an exchange; undefined for a body that is no answer, such as a stream that was cut off. */
export function recordOf(exchange: Exchange): CapturedCall | undefined {
  const request = asObject(JSON.parse(exchange.request));
  const answer =
    exchange.endpoint === 'responses'
      ? answerOfResponse(finalResponse(exchange))
      : answerOfChat(
          exchange.streamed ? joinChunks(eventsOf(exchange.response)) : asObject(JSON.parse(exchange.response)),
        );
  if (!answer) return undefined;
  const metadata = textsOf(request.metadata);
  return {
    id: answer.id,
    timestamp: exchange.startedAt.toISOString(),
    messages: exchange.endpoint === 'responses' ? messagesOfResponse(request) : messagesOfChat(request),
    completion: answer.completion,
    model: answer.model,
    usage: answer.usage,
    latency_ms: Math.round(exchange.latencyMs * 10) / 10,
    finish_reason: answer.finishReason,
    ...(answer.refusal ? { refusal: answer.refusal } : {}),
    ...(metadata ? { metadata } : {}),
  };
}

/** Whether the last event is among these events of a stream, after which a server may keep the connection open. */
export function isOver(events: string): boolean {
  if (!events.includes(DONE) && !FINAL.test(events)) return false;
  const data = dataOf(events);
  return data.includes(DONE) || data.some((text) => FINAL.test(text) && isFinal(asObject(JSON.parse(text))));
}

/** Ends the stream of a chat completion. */
const DONE = '[DONE]';
/** A quick look at events, before they are parsed: within their texts the quotes would be escaped. */
const FINAL = /"response\.(?:completed|incomplete)"/;

interface Answer {
  id: string;
  completion: string | null;
  model: string | null;
  usage: CapturedCall['usage'];
  finishReason: string | null;
  refusal: string | null;
}

type Json = Record<string, unknown>;

function answerOfChat(body: Json): Answer | undefined {
  const choice = asObject(asList(body.choices)[0]);
  const message = asObject(choice.message);
  const id = asText(body.id);
  if (id === null || asText(choice.finish_reason) === null) return undefined;
  const usage = asObject(body.usage);
  return {
    id,
    completion: asText(message.content),
    model: asText(body.model),
    usage: tokens(usage.prompt_tokens, usage.completion_tokens),
    finishReason: asText(choice.finish_reason),
    refusal: asText(message.refusal),
  };
}

/** Puts the chunks of a streamed chat completion together; further choices are passed over. */
function joinChunks(chunks: readonly Json[]): Json {
  const texts: string[] = [];
  const refusals: string[] = [];
  let finishReason: unknown = null;
  let usage: unknown = null;
  for (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    const choice = asList(chunk.choices)
      .map(asObject)
      .find(({ index = 0 }) => index === 0);
    if (!choice) continue;
    const delta = asObject(choice.delta);
    texts.push(asText(delta.content) ?? '');
    refusals.push(asText(delta.refusal) ?? '');
    finishReason = choice.finish_reason ?? finishReason;
  }
  const message = { content: texts.join('') || null, refusal: refusals.join('') || null };
  return { ...chunks[0], usage, choices: [{ message, finish_reason: finishReason }] };
}

function finalResponse({ streamed, response }: Exchange): Json {
  if (!streamed) return asObject(JSON.parse(response));
  return asObject(eventsOf(response).findLast(isFinal)?.response);
}

function isFinal({ type }: Json): boolean {
  return type === 'response.completed' || type === 'response.incomplete';
}

/** Why a response is not whole, in the words of chat completions. */
const FINISH_REASONS: ReadonlyMap<string, string> = new Map([
  ['max_output_tokens', 'length'],
  ['content_filter', 'content_filter'],
]);

function answerOfResponse(body: Json): Answer | undefined {
  const id = asText(body.id);
  if (id === null || (body.status !== 'completed' && body.status !== 'incomplete')) return undefined;
  const output = asList(body.output).map(asObject);
  const parts = output.flatMap((item) => (item.type === 'message' ? asList(item.content).map(asObject) : []));
  const texts = parts.flatMap(({ text }) => asText(text) ?? []);
  const refusals = parts.flatMap(({ refusal }) => asText(refusal) ?? []);
  const calls = output.some(
    ({ type }) => typeof type === 'string' && type.endsWith('_call') && type !== 'web_search_call',
  );
  const usage = asObject(body.usage);
  const reason = asText(asObject(body.incomplete_details).reason);
  return {
    id,
    completion: texts.length > 0 ? texts.join('') : null,
    model: asText(body.model),
    usage: tokens(usage.input_tokens, usage.output_tokens),
    finishReason:
      body.status === 'incomplete'
        ? (FINISH_REASONS.get(reason ?? '') ?? 'length')
        : calls && texts.length === 0
          ? 'tool_calls'
          : 'stop',
    refusal: refusals.join('') || null,
  };
}

function messagesOfChat({ messages }: Json): CapturedCall['messages'] {
  return asList(messages)
    .map(asObject)
    .map(({ role, content = null, ...others }) => ({
      ...('tool_calls' in others ? { tool_calls: others.tool_calls } : {}),
      role: String(role),
      content,
    }));
}

/** Instructions correspond to a system message; items that are no messages stand for calls of tools. */
function messagesOfResponse({ instructions, input }: Json): CapturedCall['messages'] {
  const system = asText(instructions);
  const items =
    typeof input === 'string'
      ? [{ role: 'user', content: input }]
      : asList(input)
          .map(asObject)
          .map(({ role, content }) =>
            role === undefined ? { role: 'tool', content: '' } : { role: String(role), content: asTextParts(content) },
          );
  return [...(system === null ? [] : [{ role: 'system', content: system }]), ...items];
}

/** Parts of text are named after their direction there, and just text in chats. */
function asTextParts(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return content.map((part: unknown) => {
    const { type, text } = asObject(part);
    return type === 'input_text' || type === 'output_text' ? { type: 'text', text } : part;
  });
}

function eventsOf(body: string): Json[] {
  return dataOf(body)
    .filter((data) => data !== DONE)
    .map((data) => asObject(JSON.parse(data)));
}

/** The data of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
function dataOf(body: string): string[] {
  return body
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((event) =>
      event
        .split(/\r\n|\n|\r/)
        .flatMap((line) => (line.startsWith('data:') ? line.slice(5).trimStart() : []))
        .join('\n'),
    )
    .filter((data) => data !== '');
}

function tokens(prompt: unknown, completion: unknown): CapturedCall['usage'] {
  if (typeof prompt !== 'number' || typeof completion !== 'number') return null;
  return { prompt_tokens: prompt, completion_tokens: completion };
}

function textsOf(metadata: unknown): Record<string, string> | undefined {
  const entries = Object.entries(asObject(metadata)).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[key, value]] : [],
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
