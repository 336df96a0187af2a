import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { z } from 'zod';
import type { RowIssue } from '../core/dataset/issue.ts';

/** Why something could not become a row; `detail` names the key, never a value. */
export interface Refused {
  refused: RowIssue;
  detail?: string;
}

/** The keys of a log row that say what was answered. */
interface LoggedAnswer {
  completion?: unknown;
  actual?: string | null | undefined;
  finish_reason?: string | null | undefined;
  refusal?: string | null | undefined;
}

/** The text of a message, or of its parts; null where a part is not text, undefined where there is no text at all. */
export function textOf(content: unknown): string | null | undefined {
  if (typeof content === 'string') return content;
  const parts = contentParts.safeParse(content);
  if (!parts.success) return undefined;
  const texts = parts.data.map(({ type, text }) => (/^(input_|output_)?text$/.test(type) ? text : undefined));
  return texts.includes(undefined) ? null : texts.join('');
}

const contentParts = z.array(z.object({ type: z.string(), text: z.string().optional() })).min(1);

/** A message as an API returns it; `stop_reason` is what Anthropic calls the reason why it ended. */
const rawMessage = z.object({
  content: z.unknown().optional(),
  refusal: z.string().nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
  function_call: z.unknown().optional(),
  stop_reason: z.string().nullish(),
});
type RawMessage = z.output<typeof rawMessage> & { finish_reason?: string | null };

const rawChoice = z.object({
  message: rawMessage.optional(),
  text: z.string().optional(),
  finish_reason: z.string().nullish(),
});
const rawResponse = z.object({ choices: z.tuple([rawChoice]) });
const rawAnswer = rawMessage.extend({ role: z.literal('assistant') });
const rawError = z.object({ error: z.object({ message: z.string() }) });

const COMPLETION_SHAPE = 'completion: must be text, a message of the assistant, or an API response with one choice';

/** Takes the answer from where it stands, which may be the end of the messages. */
export function answerOf(
  fields: LoggedAnswer,
  messages: Message[],
  issues: RowIssue[],
): { completion: string | undefined; flaw?: RowIssue } | Refused {
  const checked = fields.actual != null;
  let { completion } = fields;
  if (completion == null && !checked && messages.length > 1 && messages.at(-1)?.role === 'assistant') {
    completion = messages.pop()?.content;
    issues.push('answer-in-messages');
  }
  if (isObject(completion)) {
    if (rawError.safeParse(completion).success) {
      return { completion: undefined, ...(checked ? {} : { flaw: 'api-error' }) };
    }
    issues.push('raw-completion');
  }
  const raw = rawMessageOf(completion);
  const text = raw?.content == null ? undefined : textOf(raw.content);
  const refusal = raw?.refusal || fields.refusal || undefined;
  const flaw =
    (raw && flawOf(raw, fields.finish_reason, refusal)) ?? (text === null ? 'unsupported-content' : undefined);
  if (!raw || (text === undefined && raw.content != null)) return { refused: 'wrong-shape', detail: COMPLETION_SHAPE };
  if (Array.isArray(raw.content) && !issues.includes('content-parts')) issues.push('content-parts');
  return { completion: text || refusal || (text ?? undefined), ...(flaw && !checked ? { flaw } : {}) };
}

/** A completion as the message that it was; undefined for what is none. */
function rawMessageOf(completion: unknown): RawMessage | undefined {
  if (completion == null || typeof completion === 'string' || Array.isArray(completion)) {
    return { content: completion, function_call: undefined };
  }
  const response = rawResponse.safeParse(completion);
  if (!response.success) return rawAnswer.safeParse(completion).data;
  const [{ message, text, finish_reason }] = response.data.choices;
  return { content: text, function_call: undefined, ...message, finish_reason };
}

/** Why an answer is none to learn from. */
function flawOf(
  { content, tool_calls, function_call, stop_reason, finish_reason }: RawMessage,
  loggedReason: string | null | undefined,
  refusal: string | undefined,
): RowIssue | undefined {
  const calls =
    Array.isArray(content) && content.some((part) => isObject(part) && 'type' in part && part.type === 'tool_use');
  if (calls || tool_calls?.length || function_call != null) return 'tool-call';
  if (refusal !== undefined) return 'refusal';
  return FINISH_REASONS.get((finish_reason ?? stop_reason ?? loggedReason ?? '').toLowerCase());
}

/** As OpenAI, Anthropic and Gemini name them. */
const FINISH_REASONS: ReadonlyMap<string, RowIssue> = new Map<string, RowIssue>([
  ['length', 'cut-off'],
  ['max_tokens', 'cut-off'],
  ['content_filter', 'cut-off'],
  ['safety', 'cut-off'],
  ['tool_calls', 'tool-call'],
  ['function_call', 'tool-call'],
  ['tool_use', 'tool-call'],
  ['refusal', 'refusal'],
]);

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
