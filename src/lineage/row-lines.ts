import { isRecord } from '../contract/stored/format.ts';
import { readLines } from '../stores/lines.ts';

/** A line of JSON that belongs to one of the wanted rows. */
export interface RowLine {
  /** From 1. */
  line: number;
  id: string;
  /** Whether it is an answer that came later. */
  isAnswer: boolean;
  value: Record<string, unknown>;
}

const ID = Buffer.from('"id":"');
const ANSWER = Buffer.from('{"actual_for":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The lines of a file of this project's own making that carry one of these ids. The id of a row stands before everything
 * that the row says in all that is written here, so that few lines have to be parsed. Lines that are no JSON are passed over.
 */
export async function* rowLines(file: string, ids: ReadonlySet<string>): AsyncGenerator<RowLine> {
  let line = 0;
  for await (const bytes of readLines(file)) {
    line += 1;
    const found = idOf(bytes);
    if (found === undefined || !ids.has(found)) continue;
    const value = objectOf(bytes);
    const isAnswer = value !== undefined && 'actual_for' in value;
    if (value && (isAnswer ? value.actual_for : value.id) === found) yield { line, id: found, isAnswer, value };
  }
}

/** An object of JSON; undefined for anything else. */
export function objectOf(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function idOf(bytes: Buffer): string | undefined {
  const isAnswer = bytes.subarray(0, ANSWER.length).equals(ANSWER);
  const at = isAnswer ? 0 : bytes.indexOf(ID);
  if (at === -1) return undefined;
  const start = at + (isAnswer ? ANSWER.length : ID.length);
  let end = start;
  while (end < bytes.length && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
  try {
    const id: unknown = JSON.parse(bytes.toString('utf8', start - 1, end + 1));
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
