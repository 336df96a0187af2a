import type { RowIssue } from '../../core/dataset/issue.ts';
import { isNothing, isObject, type Json } from './json-value.ts';

/*
 * How logs say that an answer failed, was cut off, or is not to be learnt.
 */

/** Of OpenAI, Anthropic, Gemini, Mistral, Cohere, Bedrock, Ollama, vLLM and the Vercel AI SDK, in small letters and nothing else. */
const REASONS: ReadonlyMap<string, RowIssue> = new Map<string, RowIssue>([
  ...[
    'length',
    'maxtokens',
    'maxoutputtokens',
    'maxlength',
    'modellength',
    'tokenlimit',
    'contextlength',
    'contextlengthexceeded',
    'modelcontextwindowexceeded',
    'incomplete',
    'truncated',
    'contentfilter',
    'contentfiltered',
    'safety',
    'imagesafety',
    'recitation',
    'blocklist',
    'prohibitedcontent',
    'spii',
    'language',
    'guardrailintervened',
    'errorlimit',
    'errortoxic',
    'pauseturn',
  ].map((reason): [string, RowIssue] => [reason, 'cut-off']),
  ...[
    'error',
    'failed',
    'failure',
    'cancelled',
    'canceled',
    'usercancel',
    'abort',
    'aborted',
    'timeout',
    'malformedfunctioncall',
    'malformedresponse',
    'unexpectedtoolcall',
  ].map((reason): [string, RowIssue] => [reason, 'api-error']),
  ...['toolcalls', 'toolcall', 'functioncall', 'tooluse'].map((reason): [string, RowIssue] => [reason, 'tool-call']),
  ['refusal', 'refusal'],
]);

const REASON_KEYS = [
  'finish_reason',
  'finishReason',
  'stop_reason',
  'stopReason',
  'done_reason',
  'native_finish_reason',
  'status',
] as const;

/** The issue of an answer that ended for this reason; undefined where it ended well. */
export function issueOfReason(reason: unknown): RowIssue | undefined {
  if (typeof reason !== 'string') return undefined;
  // "FinishReason.MAX_TOKENS", "content-filter"
  const plain = reason
    .slice(reason.lastIndexOf('.') + 1)
    .toLowerCase()
    .replaceAll(/[^a-z]/g, '');
  return REASONS.get(plain);
}

/** The first bad reason among the keys of a row, a response, a choice or a message. */
export function issueOfEnd(record: Json): RowIssue | undefined {
  for (const key of REASON_KEYS) {
    const issue = record[key] === undefined ? undefined : issueOfReason(record[key]);
    if (issue) return issue;
  }
  const { incomplete_details: incomplete, response_metadata: metadata } = record;
  if (isObject(incomplete) && !isNothing(incomplete)) return issueOfReason(incomplete.reason) ?? 'cut-off';
  return isObject(metadata) ? issueOfEnd(metadata) : undefined;
}

/** What else a log says beside the answer: levels, states of HTTP, errors, weights, feedback. */
export function issueOfCall(record: Json): RowIssue | undefined {
  const ended = issueOfEnd(record);
  if (ended) return ended;
  if (!isNothing(record.error) && record.error !== false) return 'api-error';
  if (typeof record.level === 'string' && /^(?:error|critical|fatal)$/i.test(record.level)) return 'api-error';
  if (record.success === false || record.is_error === true) return 'api-error';
  const code = record.status_code ?? record.statusCode ?? record.response_status ?? record.http_status;
  if (typeof code === 'number' && code >= 400 && code < 600) return 'api-error';
  if (record.done === false) return 'cut-off';
  if (record.weight === 0 || record.train === false) return 'not-to-learn';
  return isNegative(record.feedback) || isNegative(record.thumbs) || record.thumbs_down === true
    ? 'not-to-learn'
    : undefined;
}

const NEGATIVE = /^(?:thumbs?[ _-]?down|down|negative|bad|dislike[d]?|rejected|incorrect|wrong|👎)$/iu;

function isNegative(feedback: unknown): boolean {
  if (typeof feedback === 'string') return NEGATIVE.test(feedback.trim());
  if (feedback === -1 || feedback === false) return true;
  if (!isObject(feedback)) return false;
  return [feedback.rating, feedback.value, feedback.score, feedback.type, feedback.sentiment, feedback.thumbs].some(
    (each) => typeof each !== 'object' && isNegative(each),
  );
}
