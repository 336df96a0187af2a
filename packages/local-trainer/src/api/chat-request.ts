import { invalid } from '@tuneloop/app/internal/shared/api-error';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import { z } from 'zod';
import type { AnswerRequest, Constraint } from '../engine.ts';
import { contentText } from '../jobs/training-file.ts';
import type { CountedMessage } from '../tokens.ts';
import { type Metadata, metadataSchema } from './metadata.ts';
import { parseBody } from './request-body.ts';

const MOST_CHOICES = 10_000;
const storedFields = z.object({ metadata: metadataSchema });

/** The parameters that say how to answer; parameters that are not known are accepted and ignored. */
const answerFields = z.object({
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('json_object') }),
      z.object({
        type: z.literal('json_schema'),
        json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }),
      }),
    ])
    .nullish(),
  structured_outputs: z.strictObject({ choice: z.array(z.string().min(1)).min(1).max(MOST_CHOICES) }).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
});

/** A request for a completion, with the parts that a local model can follow. */
export interface ChatRequest {
  readonly model: string;
  readonly answer: AnswerRequest;
  /** Undefined = the whole answer at once. */
  readonly stream: { readonly usage: boolean } | undefined;
  /** Labels to keep the completion under; null where it is not to be kept. */
  readonly storedAs: Metadata | null;
}

/** @throws ApiError 400 that names the parameter at fault */
export function parseChatRequest(body: unknown): ChatRequest {
  const request = isRecord(body) ? body : {};
  const { model, messages, n, store, metadata } = request;
  if (typeof model !== 'string' || model === '') throw invalid('model', 'you must provide a model parameter');
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', "Invalid 'messages': expected a list that is not empty.", 'invalid_value');
  }
  if (n !== undefined && n !== null && n !== 1) {
    throw invalid('n', 'This server gives one choice: leave n out or set it to 1.', 'unsupported_value');
  }
  if (Array.isArray(request.tools) && request.tools.length > 0) {
    throw invalid('tools', 'The models of this server call no tools: leave tools out.', 'unsupported_value');
  }
  const fields = parseBody(answerFields, request);
  if (!fields.stream && fields.stream_options) {
    throw invalid('stream_options', "'stream_options' is for requests with stream: true.", 'invalid_value');
  }
  if (!fields.logprobs && typeof fields.top_logprobs === 'number') {
    throw invalid('top_logprobs', "'top_logprobs' needs logprobs: true.", 'invalid_value');
  }
  return {
    model,
    answer: {
      messages: messages.map(parseMessage),
      mostTokens: fields.max_completion_tokens ?? fields.max_tokens ?? Number.POSITIVE_INFINITY,
      temperature: fields.temperature ?? 1,
      topP: fields.top_p ?? 1,
      seed: fields.seed ?? undefined,
      stop: typeof fields.stop === 'string' ? [fields.stop] : (fields.stop ?? []),
      constraint: constraintOf(fields),
      topLogprobs: fields.logprobs ? (fields.top_logprobs ?? 0) : undefined,
    },
    stream: fields.stream ? { usage: fields.stream_options?.include_usage === true } : undefined,
    storedAs: store === true ? (parseBody(storedFields, { metadata }).metadata ?? {}) : null,
  };
}

function constraintOf({
  response_format: format,
  structured_outputs: structured,
}: z.infer<typeof answerFields>): Constraint | undefined {
  const held = format && format.type !== 'text';
  if (structured && held) {
    throw invalid(
      'structured_outputs',
      "'structured_outputs' and 'response_format' exclude each other: send one of them.",
      'invalid_value',
    );
  }
  if (structured) return { kind: 'choice', choices: structured.choice };
  if (!held) return undefined;
  return format.type === 'json_object' ? { kind: 'json' } : { kind: 'json_schema', schema: format.json_schema.schema };
}

function parseMessage(message: unknown, at: number): CountedMessage {
  if (!isRecord(message) || typeof message.role !== 'string') {
    throw invalid(
      `messages[${at}].role`,
      `Invalid 'messages[${at}]': expected an object with a role.`,
      'invalid_value',
    );
  }
  const content = message.content === null || message.content === undefined ? '' : contentText(message.content);
  if (content === undefined) {
    throw invalid(
      `messages[${at}].content`,
      `Invalid 'messages[${at}].content': expected a string or parts of type text.`,
      'invalid_value',
    );
  }
  return { role: message.role, content };
}
