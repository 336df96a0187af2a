/**
 * Every issue of a row, by name. `drop`: the row is left out. `mend`: the row stays, changed as described. `note`: the row stays unchanged,
 * or there is no row. With `clean.rows: strict` each issue refuses the log, except those that only other rows cause, and answers of our
 * own: repeats, leaks and deployments are no fault of a row.
 */
export const ISSUES = {
  // Reading a line or a record.
  'blank-line': { effect: 'note', what: 'the line is empty' },
  'byte-order-mark': { effect: 'mend', what: 'the file begins with a byte order mark, which is passed over' },
  crlf: { effect: 'mend', what: 'the line ends in CR LF; the CR is passed over' },
  'large-row': { effect: 'note', what: 'the line is longer than 100 kB: check that it is one call' },
  'too-large': {
    effect: 'drop',
    what: 'the line is longer than 10 MB: check that there is a line break after each call',
  },
  'not-utf8': { effect: 'drop', what: 'the line is not UTF-8: write the log as UTF-8' },
  'nul-character': { effect: 'drop', what: 'there is a NUL character in the line: was the file cut off by a crash?' },
  'broken-json': { effect: 'drop', what: 'the line is not JSON: write one whole object a line' },
  'several-values': { effect: 'drop', what: 'there are several JSON values on the line: write one a line' },
  nan: { effect: 'drop', what: 'NaN or Infinity stands where JSON has no such number: write null' },
  'duplicate-key': {
    effect: 'drop',
    what: 'an object has the same key twice, so that it is unclear which value counts',
  },
  'too-deep': { effect: 'drop', what: 'objects and lists are nested over 32 levels deep' },
  'bad-csv': { effect: 'drop', what: 'the CSV record cannot be read: check its quotes and the number of its columns' },

  // What the row is made of.
  'not-an-object': { effect: 'drop', what: 'the JSON value is no object: write {"messages": ..., "completion": ...}' },
  'wrong-shape': {
    effect: 'drop',
    what: 'a key has a value of the wrong type or range: see "Your own log" in README.md',
  },
  'unsafe-integer': {
    effect: 'mend',
    what: 'a number is beyond 2^53, where digits get lost, and was passed over: write ids of that length as text',
  },
  'converted-key': { effect: 'mend', what: 'a key has another form than usual, and was converted' },
  'ignored-key': { effect: 'mend', what: 'an optional key has a value that cannot be read, and was passed over' },
  'unread-time': {
    effect: 'mend',
    what: 'the time is neither ISO 8601 nor seconds since 1970, and was passed over: name its form in source.timestamp_format',
  },
  'prompt-key': { effect: 'mend', what: 'a part of the prompt stands in a key of its own, and was taken from there' },
  'unread-prompt': {
    effect: 'drop',
    what: 'a key holds a part of the prompt that cannot be read, so that a baseline would be asked another question',
  },
  'lone-surrogate': { effect: 'drop', what: 'a text holds half a character: it was cut in the middle of one' },
  'no-prompt': { effect: 'drop', what: 'there is neither "messages" nor "prompt", or nothing in it' },
  'content-parts': { effect: 'mend', what: 'a message is a list of text parts, which are joined' },
  'unsupported-content': { effect: 'drop', what: 'a message holds an image, a sound or a file: only text can be used' },
  'tool-messages': { effect: 'drop', what: 'the prompt holds calls of tools, which cannot be used' },
  'raw-completion': {
    effect: 'mend',
    what: 'the completion is a message or a whole API response, whose text is taken',
  },
  'answer-in-messages': { effect: 'mend', what: 'the answer is the last of the messages, and is taken from there' },

  'answer-key': {
    effect: 'mend',
    what: 'the answer stands in a key other than "completion", and was taken from there',
  },
  'several-choices': { effect: 'mend', what: 'the response has several answers, of which the first is taken' },
  'json-answer': {
    effect: 'mend',
    what: 'the answer is a number, a truth value, a list or an object, whose JSON is taken',
  },
  'prefilled-answer': {
    effect: 'mend',
    what: 'the messages end with the beginning of the answer, which is put before it',
  },
  reasoning: { effect: 'mend', what: 'the answer begins with reasoning in tags, which is left out' },

  // The model's answer, if no right answer was given.
  'no-output': { effect: 'drop', what: 'the row has no answer yet: `tuneloop label` lets a model or a person answer' },
  'own-answer': {
    effect: 'drop',
    what: 'the answer is from a model of this pipeline and unchecked: give the right answer as "actual", or run `tuneloop label`',
  },
  'empty-completion': { effect: 'drop', what: 'the answer is empty' },
  refusal: { effect: 'drop', what: 'the model refused to answer: give the right answer as "actual"' },
  'api-error': { effect: 'drop', what: 'the answer is an error of the API' },
  'cut-off': { effect: 'drop', what: 'the answer was cut off by its limit of tokens or by a content filter' },
  'tool-call': { effect: 'drop', what: 'the answer is a call of a tool, not text' },
  'not-to-learn': {
    effect: 'drop',
    what: 'the log says that the answer is not to be learnt: weight 0, or negative feedback',
  },
  'unreadable-answer': {
    effect: 'drop',
    what: 'the answer is a response in a form that cannot be read: log its text alone',
  },
  'padded-label': {
    effect: 'mend',
    what: 'the label has unusual white space, quotes, a full stop or capitals, and is written as usual',
  },
  'chatty-label': { effect: 'drop', what: 'the answer says more than the label' },
  'json-label': { effect: 'drop', what: 'the label is wrapped in JSON, while most are not' },

  'unknown-label': {
    effect: 'drop',
    what: 'the label is none of `labels` in the pipeline file: add it there, or as an alias of a label',
  },
  'no-target-field': { effect: 'drop', what: 'the answer is no JSON with the field that target.json_field names' },

  // Decisions about the row.
  erased: { effect: 'drop', what: 'the row was erased with `tuneloop forget`, and must not come back' },

  // The row in comparison with the others.
  'empty-input': { effect: 'drop', what: 'nothing is left of the prompt without its instructions' },
  'prompt-mismatch': { effect: 'drop', what: 'the prompt does not follow the template that others share' },
  'multi-turn': {
    effect: 'drop',
    what: 'the prompt holds an earlier answer: clean.turns says which turns become rows, by default first turns alone',
  },
  'earlier-turn': { effect: 'drop', what: 'a later row holds the same conversation, and clean.turns is last' },
  'low-quality': { effect: 'drop', what: 'the row is not rated, or below source.filter.min_quality' },
  'exact-duplicate': { effect: 'drop', what: 'another row has the same input and the same answer' },
  'near-duplicate': { effect: 'drop', what: 'another row has nearly the same input and the same answer' },
  'in-test-file': { effect: 'drop', what: 'the test file has the same or nearly the same input' },
  quarantined: { effect: 'drop', what: 'the row resembles rows on different sides of the split' },
  'over-token-limit': {
    effect: 'drop',
    what: 'the example has more tokens than the provider takes',
  },
  'unsupported-role': { effect: 'drop', what: 'the prompt has a role that fine-tuning services do not take' },
} as const satisfies Record<string, { effect: 'drop' | 'mend' | 'note'; what: string }>;

export type RowIssue = keyof typeof ISSUES;

/** Issues that stop a run whatever `clean.rows` says, because the baseline would be asked another question. */
export const STOPPING_ISSUES: ReadonlySet<RowIssue> = new Set<RowIssue>(['unread-prompt']);

/** Rows that have one issue. */
export interface IssueCount {
  /** The key is older than the word `issue`: manifests, snapshots and reports hold it. */
  verdict: RowIssue;
  rows: number;
  /** The first few places, as `file:line`. */
  places: string[];
  /** The keys that the first of these rows has the issue in, and what was found there; never a value. */
  example?: string;
}

const PLACES_SHOWN = 20;

/** Counts issues, with the places of the first few rows of each. */
export class IssueTable {
  readonly #counts = new Map<RowIssue, IssueCount>();

  constructor(before: readonly IssueCount[] = []) {
    this.merge(before);
  }

  merge(others: readonly IssueCount[]): void {
    for (const { verdict: issue, rows, places, example } of others) {
      const count = this.#counts.get(issue) ?? { verdict: issue, rows: 0, places: [] };
      if (example !== undefined) count.example ??= example;
      count.rows += rows;
      count.places.push(...places.slice(0, PLACES_SHOWN - count.places.length));
      this.#counts.set(issue, count);
    }
  }

  add(issue: RowIssue, place: { file?: string; line: number }, example?: string): void {
    const count = this.#counts.get(issue) ?? { verdict: issue, rows: 0, places: [] };
    if (example !== undefined) count.example ??= example;
    count.rows += 1;
    if (count.places.length < PLACES_SHOWN) count.places.push(placeText(place));
    this.#counts.set(issue, count);
  }

  rows(issue: RowIssue): number {
    return this.#counts.get(issue)?.rows ?? 0;
  }

  /** The most frequent first. */
  all(): IssueCount[] {
    return [...this.#counts.values()].sort((a, b) => b.rows - a.rows || (a.verdict < b.verdict ? -1 : 1));
  }
}

/** `file:line`, for people. */
export function placeText({ file, line }: { file?: string; line: number }): string {
  return file === undefined ? `row ${line}` : `${file}:${line}`;
}
