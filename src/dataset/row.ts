export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  content: string;
}

export interface TokenUsage {
  promptTokens: number;
  completionTokens: number;
}

/** One call of the production log, after reading. A legacy `prompt` has become one user message. */
export interface LogRow {
  /** Number of the line in its file, from 1. */
  line: number;
  id: string;
  /** ISO 8601. */
  timestamp?: string;
  messages: Message[];
  /** What the model said. */
  completion: string;
  /** What it should have said, where somebody checked. */
  actual?: string;
  usage?: TokenUsage;
  model?: string;
  latencyMs?: number;
}

/** What production did with an example: the recorded baseline is measured on it. */
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
  timestamp?: string;
  input: string;
  /** `actual` where somebody checked, else what production said. */
  completion: string;
  /** Further right answers, for scoring only. */
  references?: string[];
  /** Absent on rows of a test file, which production never saw. */
  recorded?: Recorded;
}
