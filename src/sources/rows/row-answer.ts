import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import type { RowIssue } from '../../core/dataset/issue.ts';
import { issueOfCall } from './ended-badly.ts';
import { isNothing, isObject, type Json } from './json-value.ts';
import type { RowNotes } from './row-notes.ts';
import { unwrapAnswer } from './unwrap-answer.ts';

/** Keys that hold the answer, the usual one first. */
const ANSWER_KEYS = ['completion', 'response', 'output', 'answer'] as const;

interface FoundAnswer {
  completion: string | undefined;
  flaw?: RowIssue;
}

/** Takes the answer from where it stands, which may be the end of the messages. @param checked whether there is a right answer too */
export function readAnswer(row: Json, messages: Message[], checked: boolean, notes: RowNotes): FoundAnswer {
  const key = ANSWER_KEYS.find((each) => row[each] !== undefined && row[each] !== null);
  let value = key === undefined ? undefined : row[key];
  if (key !== undefined && key !== 'completion') notes.add('answer-key', key);
  const last = messages.at(-1);
  const begun = last?.role === 'assistant' && messages.length > 1 ? last.content : undefined;
  if (value === undefined && !checked && begun !== undefined) {
    value = begun;
    messages.pop();
    notes.add('answer-in-messages');
    if (isLastNotToLearn(row)) return { completion: begun, flaw: 'not-to-learn' };
  }
  // Most answers are plain texts that end well.
  const isPlain =
    typeof value === 'string' &&
    value !== '' &&
    !/^\s*[[{<]|<\/think>|^\s*(?:data|event):|^\s*\w+\(\w+=|^content=/i.test(value);
  const unwrapped = isPlain
    ? { text: value as string, notes: [] as RowIssue[], flaw: undefined, refusal: undefined }
    : unwrapAnswer(value);
  for (const note of unwrapped.notes) notes.add(note);
  const refusal =
    unwrapped.refusal ?? (typeof row.refusal === 'string' && row.refusal !== '' ? row.refusal : undefined);
  const flaw = unwrapped.flaw ?? (refusal === undefined ? undefined : 'refusal') ?? issueOfCall(row);
  const text = unwrapped.text || refusal || unwrapped.text;
  const completion =
    key !== undefined && text !== undefined && begun !== undefined && !checked
      ? joined(text, begun, messages, notes)
      : text;
  return { completion, ...(flaw && !checked ? { flaw } : {}) };
}

/** An answer whose beginning was given goes on from there. */
function joined(text: string, begun: string, messages: Message[], notes: RowNotes): string {
  messages.pop();
  if (text.startsWith(begun)) {
    notes.add('answer-in-messages');
    return text;
  }
  notes.add('prefilled-answer');
  return begun + text;
}

/** OpenAI's training files say so of single messages. */
function isLastNotToLearn({ messages }: Json): boolean {
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  return isObject(last) && last.weight === 0;
}

/** A right answer that was given as a text, or as any other JSON value. */
export function readActual(value: unknown, notes: RowNotes): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && isNothing(value)) return undefined;
  notes.add('json-answer');
  return JSON.stringify(value);
}
