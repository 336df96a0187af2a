import type { Message, TokenUsage } from '@tuneloop/app/internal/prompt/chat-message';
import type { RowIssue } from './issue.ts';

/** One call of the production log, after reading. A legacy `prompt` has become one user message. */
export interface LogRow {
  /** Number of the line in its file, or of the row in its table, from 1. */
  line: number;
  /** Name of the file, without the folders that all files of a glob share; absent where rows come from no file. */
  file?: string;
  id: string;
  /** ISO 8601. */
  timestamp?: string;
  messages: Message[];
  /** The model's answer; absent where the log has none. */
  completion?: string;
  /** Why an unchecked completion is no answer to learn from. */
  flaw?: RowIssue;
  /** The right answer, where it was checked. */
  actual?: string;
  /** The author of `actual`, for example `person:ana` or `model:gpt-4.1`. */
  actualBy?: string;
  /** A rating of the completion, 0 (useless) to 1 (right). */
  quality?: number;
  usage?: TokenUsage;
  model?: string;
  latencyMs?: number;
  metadata?: Record<string, string>;
}

/** The right answer to a call, or a rating of it, given after the call was logged. The latest of an id counts. */
export interface Actual {
  /** Of the row that it belongs to. */
  id: string;
  actual?: string;
  quality?: number;
  by?: string;
  /** ISO 8601. */
  timestamp?: string;
}

/** The result of production for an example, which measures the recorded baseline. */
export interface Recorded {
  completion: string;
  /** Whether the example's completion is a checked answer, so that this one can be scored against it. */
  checked: boolean;
  usage?: TokenUsage;
  latencyMs?: number;
  model?: string;
}

/** One prompt/completion pair after cleaning: an input without instructions, and the right answer to it. */
export interface Example {
  id: string;
  line: number;
  file?: string;
  timestamp?: string;
  input: string;
  /** `actual` where there is one, else production's answer. */
  completion: string;
  /** The author of the completion, where it is not the production model. */
  completionBy?: string;
  /** Version of the template that the prompt followed, from 0; absent for a bare input of a test file. */
  version?: number;
  /** The contents of the template's slots; absent where the input is the only one. */
  slots?: string[];
  /** Further right answers, for scoring only. */
  references?: string[];
  /** Absent on rows of a test file, which production never saw. */
  recorded?: Recorded;
}
