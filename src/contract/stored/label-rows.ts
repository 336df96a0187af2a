/** Lines of a labelling run. */
import type { TokenUsage } from '@tuneloop/app/internal/prompt/chat-message';
import type { LogRow } from '../../core/dataset/row.ts';
import { isRecord, type StoredLine } from './format.ts';
import { isMessage } from './rows.ts';

/** A row that a teacher is asked for. */
export type UnlabelledRow = Pick<LogRow, 'id' | 'messages'>;

export const UNLABELLED_ROW: StoredLine<UnlabelledRow> = {
  name: 'a row without an answer',
  is: (value): value is UnlabelledRow =>
    isRecord(value) && typeof value.id === 'string' && Array.isArray(value.messages) && value.messages.every(isMessage),
};

/** What a teacher has said about a row. */
export interface TeacherAnswer extends TokenUsage {
  id: string;
  /** Null where the provider does not take the request, whoever asks: it is too long for the model, for example. */
  text: string | null;
  /** Whether the answer ends because it grew too long. */
  cut: boolean;
  /** ISO 8601. */
  timestamp: string;
}

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
