import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { randomBits, shuffle, spread } from '@tuneloop/app/internal/shared/random';
import pMap from 'p-map';
import type { CallableModel } from '../engine.ts';
import { readTrainingFile } from '../jobs/training-file.ts';
import { overlap } from '../ngram/nearest.ts';
import type { CountedMessage } from '../tokens.ts';

/** Of a larger validation file a fixed sample is answered: bounds the time of an epoch. */
const MOST_ROWS = 100;
/** Longer answers take a second or more on a processor. */
const MOST_ROWS_OF_TEXT = 40;
const LONG_ANSWER = 60;

/** A validation row: what is asked, and the answer that is expected. */
export interface AskedRow {
  readonly messages: readonly CountedMessage[];
  readonly expected: string;
}

/** The rows of a validation file that are answered after each epoch; always the same. */
export async function rowsToAsk(path: string): Promise<AskedRow[]> {
  const rows: AskedRow[] = [];
  for (const { messages, completion } of readTrainingFile(await readFile(path))) {
    const answer = messages.findLastIndex(({ role, content }) => role === 'assistant' && content === completion);
    rows.push({ messages: messages.slice(0, answer), expected: completion });
  }
  const characters = rows.reduce((sum, { expected }) => sum + expected.length, 0);
  const most = characters > LONG_ANSWER * rows.length ? MOST_ROWS_OF_TEXT : MOST_ROWS;
  if (rows.length <= most) return rows;
  const order = Uint32Array.from(rows, (_, at) => at);
  shuffle(order, randomBits(spread(1)));
  return Array.from(order.subarray(0, most).sort(), (at) => rows[at] as AskedRow);
}

/** The mean score of the model's own answers, 0 to 1: what counts in the end, unlike the share of tokens that it would guess. */
export async function rowAccuracy(
  model: CallableModel,
  rows: readonly AskedRow[],
  concurrency: number,
): Promise<number> {
  const scores = await pMap(
    rows,
    async ({ messages, expected }) => answerScore(expected, await answerTo(model, messages, expected)),
    {
      concurrency,
    },
  );
  return Math.round((scores.reduce((sum, score) => sum + score, 0) / scores.length) * 1e5) / 1e5;
}

/** Labels and JSON: 1 if equal, JSON by value. Texts: the F1 of their words. */
export function answerScore(expected: string, answer: string): number {
  const [wanted, given] = [expected.trim(), answer.trim()];
  if (wanted === given) return 1;
  const wantedValue = jsonOf(wanted);
  if (wantedValue !== undefined) return isDeepStrictEqual(wantedValue, jsonOf(given)) ? 1 : 0;
  return wanted.length <= LONG_ANSWER && !/\s/.test(wanted) ? 0 : overlap(wanted, given);
}

async function answerTo(model: CallableModel, messages: readonly CountedMessage[], expected: string): Promise<string> {
  const parts = model.answer(
    {
      messages,
      // An answer that runs on is wrong already, and is not waited for.
      mostTokens: 32 + expected.length,
      temperature: 0,
      topP: 1,
      seed: 0,
      stop: [],
      constraint: undefined,
      topLogprobs: undefined,
    },
    new AbortController().signal,
  );
  let text = '';
  for await (const part of parts) text += part.text;
  return text;
}

/** Undefined for what is no JSON object or list. */
function jsonOf(text: string): unknown {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
