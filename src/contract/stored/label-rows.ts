/** Lines of a labelling run. */
import type { UnlabelledRow } from '../../activities/find-unlabelled.ts';
import type { TeacherAnswer } from '../../activities/label-rows.ts';
import { isRecord, type StoredLine } from './format.ts';

/** A row that a teacher is asked for. */
export const UNLABELLED_ROW: StoredLine<UnlabelledRow> = {
  name: 'a row without an answer',
  is: (value): value is UnlabelledRow =>
    isRecord(value) &&
    typeof value.id === 'string' &&
    Array.isArray(value.messages) &&
    value.messages.every(
      (message) => isRecord(message) && typeof message.role === 'string' && typeof message.content === 'string',
    ),
};

/** A line of the journal of a teacher's answers. */
export const TEACHER_ANSWER: StoredLine<TeacherAnswer> = {
  name: 'an answer of a teacher',
  is: (value): value is TeacherAnswer =>
    isRecord(value) &&
    typeof value.id === 'string' &&
    (value.text === null || typeof value.text === 'string') &&
    typeof value.cut === 'boolean' &&
    typeof value.timestamp === 'string' &&
    typeof value.promptTokens === 'number' &&
    typeof value.completionTokens === 'number',
};

/** A label of the log. */
export const LABEL: StoredLine<string> = {
  name: 'a label',
  is: (value): value is string => typeof value === 'string',
};
