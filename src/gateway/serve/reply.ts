import type { Readable } from 'node:stream';
import type { GivenAnswer } from '@tuneloop/app/internal/predict/answer-form';
import { type ErrorBody, errorBody } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { Dispatcher } from 'undici';
import { redact } from '../../core/text/redaction.ts';

/** The answer of a provider, as far as it has arrived when it is known whether it is an answer. */
export type Reply =
  | Whole
  /** Server-sent events as they arrive; may throw on the way. */
  | { kind: 'streaming'; chunks: AsyncIterable<Chunk> }
  | Failure;

export interface Whole extends GivenAnswer {
  kind: 'whole';
  /** The bytes of the answer, and their content. */
  body: string;
  completion: Readonly<Record<string, unknown>>;
}

export interface Chunk {
  bytes: Buffer;
  /** Whether it certainly ends the answer. */
  isLast: boolean;
}

/** The error for an application when no model could answer. */
export interface Failure {
  kind: 'failed';
  status: number;
  headers: Record<string, string>;
  body: ErrorBody;
}

/** The longest answer that is read whole. */
const LONGEST_ANSWER = 32 * 2 ** 20;
/** The part of a stream that is read to see whether it begins with an error. */
const LONGEST_BEGINNING = 2 ** 16;
/** Lets the application wait as long as the provider asks for. */
const RETRY_HEADERS = ['retry-after', 'retry-after-ms'] as const;

type Headers = Dispatcher.ResponseData['headers'];

/** Reads the head of an answer, and enough of its body to tell its kind. Never rejects. */
export async function readReply(
  { statusCode, headers, body: message }: Dispatcher.ResponseData,
  apiKey: string,
): Promise<Reply> {
  // After the last event no one reads on, so an error there is ignored.
  message.on('error', () => {});
  const isAnswer = statusCode >= 200 && statusCode < 300;
  try {
    if (isAnswer && isEventStream(headers)) return await beginStream(message, apiKey);
    const body = await readWhole(message);
    return isAnswer ? wholeOf(body) : refusal(statusCode, retryHeaders(headers), parseJson(body), apiKey);
  } catch (error) {
    return failure(`the answer broke off: ${redact(String(error), [apiKey])}`);
  }
}

/** An answer by its first choice, as far as a server has filled it in. */
function wholeOf(body: string): Whole | Failure {
  const completion = parseJson(body);
  const choice: unknown = isRecord(completion) && Array.isArray(completion.choices) ? completion.choices[0] : null;
  if (!isRecord(completion) || !isRecord(choice) || !isRecord(choice.message)) {
    return failure('the answer of the provider is no chat completion');
  }
  const { message, finish_reason } = choice;
  return {
    kind: 'whole',
    body,
    completion,
    text: typeof message.content === 'string' ? message.content : '',
    finishReason: typeof finish_reason === 'string' ? finish_reason : null,
  };
}

/** 502, for an error that the provider did not word. */
export function failure(message: string): Failure {
  return { kind: 'failed', status: 502, headers: {}, body: errorBody(502, message, null, 'upstream_failed') };
}

async function readWhole(message: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST_ANSWER) throw new Error(`it is longer than ${LONGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function beginStream(message: Readable, apiKey: string): Promise<Reply> {
  // A connection that was read to its end is used again; leaving the loop early must not destroy it.
  const rest: AsyncIterator<Buffer> = message.iterator({ destroyOnReturn: false });
  const first: Buffer[] = [];
  let text = '';
  let data: string | undefined;
  while (data === undefined && text.length < LONGEST_BEGINNING) {
    const { done, value } = await rest.next();
    if (done) return failure('the stream ended before its first event');
    first.push(value);
    // Bytes as characters, because the beginning may end within one.
    text += value.toString('latin1');
    if (/[\r\n]$/.test(text)) data = firstData(text);
  }
  const event = data === undefined ? {} : parseJson(data);
  if (!isRecord(event) || isRecord(event.error)) {
    message.destroy();
    return isRecord(event)
      ? refusal(502, {}, event, apiKey)
      : failure('the stream began with something else than a completion');
  }
  return { kind: 'streaming', chunks: untilDone(message, first, rest) };
}

/** The data of the first whole event that has any. */
function firstData(text: string): string | undefined {
  const events = text.split(/\r\n\r\n|\n\n|\r\r/).slice(0, -1);
  const lines = events.flatMap((event) => event.split(/\r\n|\n|\r/));
  return lines.find((line) => line.startsWith('data:'))?.slice('data:'.length);
}

/** On a line of its own, because an answer may contain it too, and break off right there. */
const DONE = /[\r\n]data: ?\[DONE\]\s*$/;

/** The chunks of a stream up to its last event, after which a server may keep the connection open. */
async function* untilDone(
  message: Readable,
  first: readonly Buffer[],
  rest: AsyncIterator<Buffer>,
): AsyncGenerator<Chunk> {
  let tail = '\n';
  const chunkOf = (bytes: Buffer): Chunk => {
    tail = (tail + bytes.subarray(-20).toString('latin1')).slice(-20);
    return { bytes, isLast: DONE.test(tail) };
  };
  try {
    for (const bytes of first) {
      const chunk = chunkOf(bytes);
      yield chunk;
      if (chunk.isLast) return;
    }
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      const chunk = chunkOf(next.value);
      yield chunk;
      if (chunk.isLast) return;
    }
  } finally {
    message.resume();
  }
}

/** The provider's words in the protocol's form. */
function refusal(answered: number, headers: Record<string, string>, json: unknown, apiKey: string): Failure {
  const status = answered >= 400 ? answered : 502;
  // Not every provider has an object `error`: some say `message` or `detail`.
  const said = isRecord(json) ? json : {};
  const error = isRecord(said.error) ? said.error : {};
  const text = (value: unknown) => (typeof value === 'string' ? redact(value, [apiKey]) : null);
  const body = errorBody(
    status,
    text(error.message) ?? text(said.message) ?? text(said.detail) ?? `the provider answered with status ${answered}`,
    text(error.param),
    text(error.code),
  );
  return { kind: 'failed', status, headers, body };
}

function isEventStream({ 'content-type': type }: Headers): boolean {
  return typeof type === 'string' && type.startsWith('text/event-stream');
}

function retryHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    RETRY_HEADERS.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
