import type { z } from 'zod';
import { TuneloopError } from '../../errors.ts';

/**
 * A kind of object that Tuneloop stores as JSON. Objects carry the number of their format beside their own keys: `{"format": 1, ...}`. The
 * number counts up when a key changes its meaning. Objects without a number were written before there were numbers, and count as format 0.
 *
 * Objects whose name is the hash of their content hold no time and no version of the writer, so that the same content keeps its name; the
 * record that points to them says which version has written it.
 */
export interface StoredKind<T> {
  /** For error messages, such as `manifest of a dataset version`. */
  name: string;
  /** The format that this version writes. */
  format: number;
  /** The oldest format that this version reads. */
  oldest: number;
  schema: z.ZodType<T>;
}

/** A stored object with its header, as a writer stores it. */
export function withFormat<T extends object>({ format }: Pick<StoredKind<T>, 'format'>, content: T) {
  return { format, ...content };
}

/**
 * Reads a stored object.
 *
 * @param where the file or address that the value comes from, for errors.
 * @throws TuneloopError STORED_FORMAT for an object of a format that this version does not read, or of another form.
 */
export function readStored<T>(kind: StoredKind<T>, value: unknown, where: string): T {
  const parsed = kind.schema.safeParse(contentOf(kind, value, where));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // Deeper keys may be labels, which are production data.
  const key = String(issue?.path[0] ?? 'the whole of it');
  throw strange(where, kind.name, `${key} is not as Tuneloop writes it`);
}

/**
 * The content of a stored object, without its header, not yet checked.
 *
 * @throws TuneloopError STORED_FORMAT for an object of a format that this version does not read.
 */
export function contentOf<T>(kind: Omit<StoredKind<T>, 'schema'>, value: unknown, where: string): unknown {
  if (!isRecord(value)) return value;
  const { format = 0, writtenBy, ...content } = value;
  if (typeof format !== 'number') throw strange(where, kind.name, 'its format is not a number');
  if (format >= kind.oldest && format <= kind.format) return content;
  const writer = typeof writtenBy === 'string' ? ` (version ${writtenBy})` : '';
  const remedy =
    format > kind.format
      ? `a newer Tuneloop has written it${writer}: use that version, here and for the workers`
      : `an older Tuneloop has written it${writer}: make it again with a new run`;
  throw new TuneloopError(
    'STORED_FORMAT',
    `${where} is a ${kind.name} of format ${format}, and this version reads ` +
      `${kind.oldest === kind.format ? `format ${kind.format}` : `formats ${kind.oldest} to ${kind.format}`}: ${remedy}`,
  );
}

/**
 * Lines of one kind. A file may have a million of them, so each line is checked by a guard that is written by hand: it takes
 * about 0.02 µs, where a schema takes 0.3 µs and `JSON.parse` 2 µs. Threads that prepare rows need not load a schema either.
 */
export interface StoredLine<T> {
  name: string;
  /** Whether a parsed line has the keys that readers depend on, with values of the right type. */
  is(value: unknown): value is T;
}

/**
 * Reads one line of JSON.
 *
 * @param where the file or address that the line comes from, for errors.
 * @throws TuneloopError STORED_FORMAT for a line of another kind. The message does not hold the line, which is production data.
 */
export function readLine<T>(kind: StoredLine<T>, line: string, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw strange(where, kind.name, 'a line is not JSON');
  }
  if (kind.is(value)) return value;
  throw strange(where, kind.name, 'a line is not as this version of Tuneloop writes it');
}

/** Whether a value is an object with keys, and not null or a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function strange(where: string, name: string, what: string): TuneloopError {
  return new TuneloopError(
    'STORED_FORMAT',
    `${where} cannot be read as ${name} (${what}): use the version of Tuneloop that has written it, or make it again with a new run`,
  );
}
