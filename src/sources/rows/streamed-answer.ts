import type { RowIssue } from '../../core/dataset/issue.ts';
import { issueOfEnd } from './ended-badly.ts';
import { isNothing, isObject, type Json } from './json-value.ts';

/** Whether a text is a stream of server-sent events as it came. */
export function isStream(text: string): boolean {
  return /^\s*(?:event: ?[\w.]+\s*\n)?data: ?(?:\{|\[DONE\])/.test(text);
}

/** The JSON values of the events; undefined stands for one that cannot be read. */
export function readEvents(text: string): unknown[] {
  const values: unknown[] = [];
  for (const line of text.split(/\r?\n/)) {
    const data = /^data: ?(.*)$/.exec(line)?.[1];
    if (data === undefined || data.trim() === '[DONE]') continue;
    try {
      values.push(JSON.parse(data));
    } catch {
      values.push(undefined);
    }
  }
  return values;
}

interface Joined {
  text: string;
  flaw?: RowIssue | undefined;
  /** Whether they hold calls of tools. */
  calls: boolean;
}

/** The answer that chunks of a stream make up; undefined where the values are no chunks. */
export function joinChunks(values: readonly unknown[]): Joined | undefined {
  if (values.length === 0 || !values.some((value) => isObject(value) && isChunk(value))) return undefined;
  const joined: Joined = { text: '', calls: false };
  for (const value of values) {
    // An event that was cut in two has lost text.
    if (!isObject(value)) joined.flaw ??= 'cut-off';
    else addChunk(joined, value);
  }
  return joined;
}

function isChunk(value: Json): boolean {
  if (value.object === 'chat.completion.chunk') return true;
  if (
    typeof value.type === 'string' &&
    /^(?:response\.output_text\.delta|content_block_delta|message_start)$/.test(value.type)
  )
    return true;
  return Array.isArray(value.choices) && value.choices.some((choice) => isObject(choice) && isObject(choice.delta));
}

function addChunk(joined: Joined, value: Json): void {
  if (isObject(value.error) || value.type === 'error') joined.flaw ??= 'api-error';
  const { choices, delta, type } = value;
  if (Array.isArray(choices)) {
    for (const choice of choices) {
      // Other choices are other answers.
      if (!isObject(choice) || (typeof choice.index === 'number' && choice.index > 0)) continue;
      addDelta(joined, choice.delta);
      joined.flaw ??= issueOfEnd(choice);
    }
    return;
  }
  if (type === 'response.output_text.delta' && typeof delta === 'string') joined.text += delta;
  else if (isObject(delta)) {
    if (typeof delta.text === 'string') joined.text += delta.text;
    joined.flaw ??= issueOfEnd(delta);
  }
  if (type === 'content_block_start' && isObject(value.content_block) && value.content_block.type === 'tool_use')
    joined.calls = true;
  if (type === 'response.incomplete' || type === 'response.failed')
    joined.flaw ??= type === 'response.failed' ? 'api-error' : 'cut-off';
}

function addDelta(joined: Joined, delta: unknown): void {
  if (!isObject(delta)) return;
  if (typeof delta.content === 'string') joined.text += delta.content;
  if (!isNothing(delta.tool_calls) || !isNothing(delta.function_call)) joined.calls = true;
}
