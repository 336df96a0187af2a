import type { Json } from '../rows/json-value.ts';

/** A form in which another tool writes its log. */
export interface LogFormat {
  /** What `source.format` calls it. */
  name: string;
  /** What its records are, for people. */
  what: string;
  /** Whether a record has this form. Forms are tried in the order of the list; a log row of our own is no record of another tool. */
  fits(record: Json): boolean;
  /** The record in the shape of log rows, or of later answers `{actual_for, ...}`; none where it is no call of a model. */
  rows(record: Json): unknown[];
}

/** The fields that are there. */
export function withoutEmpty(record: Json): Json {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== null));
}

export function filledText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
