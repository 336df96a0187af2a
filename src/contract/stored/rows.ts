/** Lines of a snapshot and of a dataset version. The objects that refer to their files carry the format. */
import type { Actual, Example, LogRow } from '../../core/dataset/row.ts';
import { isRecord, type StoredLine } from './format.ts';

/** A line of a segment of a snapshot. */
export const LOG_ROW: StoredLine<LogRow> = {
  name: 'a row of a log',
  is: (value): value is LogRow =>
    isRecord(value) &&
    typeof value.id === 'string' &&
    typeof value.line === 'number' &&
    Array.isArray(value.messages) &&
    value.messages.every(isMessage) &&
    isTextOrAbsent(value.completion) &&
    isTextOrAbsent(value.actual),
};

/** A line of the later answers of a snapshot. */
export const ACTUAL: StoredLine<Actual> = {
  name: 'an answer that came later',
  is: (value): value is Actual =>
    isRecord(value) &&
    typeof value.id === 'string' &&
    isTextOrAbsent(value.actual) &&
    (value.quality === undefined || typeof value.quality === 'number'),
};

/** A line of the examples of one side of a dataset version. */
export const EXAMPLE: StoredLine<Example> = {
  name: 'an example of a dataset version',
  is: (value): value is Example =>
    isRecord(value) &&
    typeof value.id === 'string' &&
    typeof value.line === 'number' &&
    typeof value.input === 'string' &&
    typeof value.completion === 'string' &&
    (value.version === undefined || typeof value.version === 'number') &&
    isTextsOrAbsent(value.slots) &&
    isTextsOrAbsent(value.references) &&
    (value.recorded === undefined || isRecorded(value.recorded)),
};

export function isMessage(value: unknown): boolean {
  return isRecord(value) && typeof value.role === 'string' && typeof value.content === 'string';
}

function isRecorded(value: unknown): boolean {
  return isRecord(value) && typeof value.completion === 'string' && typeof value.checked === 'boolean';
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isTextsOrAbsent(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((each) => typeof each === 'string'));
}
