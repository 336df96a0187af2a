import { hash } from 'node:crypto';
import {
  type PromptTemplate,
  type StrippedPrompt,
  stripInstructions,
  type Treatment,
} from '@tuneloop/app/internal/prompt/prompt-template';
import { readLine } from '../../contract/stored/format.ts';
import { LOG_ROW } from '../../contract/stored/rows.ts';
import { type IssueCount, IssueTable, type RowIssue } from '../../core/dataset/issue.ts';
import type { PiiType } from '../../core/dataset/pii-type.ts';
import type { Actual, Example, LogRow, Recorded } from '../../core/dataset/row.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import type { ProviderLimits } from '../../providers/profile.ts';
import { textLinesIn } from '../../stores/lines.ts';
import { Redactor } from '../redaction/redactor.ts';
import { answerIssue } from '../rows/answer-issue.ts';
import { placeInConversation } from '../rows/conversation.ts';
import { LabelChoice, type LabelKeys } from '../rows/label-choice.ts';
import { bareLabel } from '../rows/label-form.ts';
import { exampleIssue } from '../rows/provider-limits.ts';
import { KEY_BYTES } from '../rows/row-key.ts';
import { canonicalInput, SIGNATURE_WORDS, Signer } from '../split/near-duplicates.ts';
import { type PiiAnalyzer, PresidioAnalyzer, type PresidioOptions } from './presidio.ts';

/** The settings that turn a row into an example. */
export interface RowSettings {
  template: PromptTemplate;
  /** The treatments of the candidates: no example may exceed the provider's limit in any of them. */
  treatments: readonly Treatment[];
  /** Of the provider. */
  limits: Pick<ProviderLimits, 'roles' | 'tokensPerExample'>;
  classification: boolean;
  redact: readonly PiiType[];
  phoneRegion: string;
  /** The analyzer of personal data; null for none. */
  analyzer: PresidioOptions | null;
  /** Metadata key whose values keep rows together; null for none. */
  groupBy: string | null;
  minQuality: number | null;
  /** What in an answer is the label. */
  labelKeys?: LabelKeys;
  /** Which turns of a conversation become rows; `first` by default. */
  turns?: Pipeline['clean']['turns'];
}

/**
 * Rows of one piece of a snapshot that became examples, as columns: row `i` of each belongs together. Made to be handed
 * from thread to thread.
 */
export interface RowBatch {
  rows: number;
  /** One {@link Example} a line, JSON, with line feeds. */
  examples: Uint8Array<ArrayBuffer>;
  /** Canonical inputs, which near duplicates are found by. */
  texts: string[];
  /** {@link SIGNATURE_WORDS} a row. */
  signatures: Uint32Array<ArrayBuffer>;
  /** The row's key in the ledger of sides, {@link KEY_BYTES} a row. */
  keys: Uint8Array<ArrayBuffer>;
  /** Beginnings of hashes as whole numbers below 2^52: of the input, the answer, the id, and the value that groups. */
  inputs: Float64Array<ArrayBuffer>;
  answers: Float64Array<ArrayBuffer>;
  ids: Float64Array<ArrayBuffer>;
  /** 0 where the row has no such value. */
  userGroups: Float64Array<ArrayBuffer>;
  /** Milliseconds since 1970, NaN where unknown. */
  times: Float64Array<ArrayBuffer>;
  /** The answers themselves, for classification only. */
  labels: string[];
  issues: IssueCount[];
  /** Values that were replaced, by type. */
  redactions: Record<string, number>;
  /** Rows whose answer or rating came later. */
  actuals: number;
  /** Of each row the hash of its conversation with the answer, and of what was said before, 0 for nothing; only for `turns: last`. */
  turns: Float64Array<ArrayBuffer>;
  /** Rows that were left out, by label; for classification only. */
  lost: Map<string, number>;
}

/** Turns rows of a snapshot into examples: takes the instructions off, judges, redacts, and hashes. */
export class RowPreparation {
  readonly #settings: RowSettings;
  readonly #signal: AbortSignal;
  readonly #actuals: ReadonlyMap<string, Actual>;
  readonly #redactor: Redactor;
  readonly #analyzer: PiiAnalyzer | undefined;
  readonly #signer = new Signer();
  readonly #choice: LabelChoice;

  /** @param signal ends requests to an analyzer; a thread is ended as a whole. */
  constructor(
    settings: RowSettings,
    actuals: ReadonlyMap<string, Actual>,
    signal: AbortSignal = new AbortController().signal,
  ) {
    this.#signal = signal;
    this.#settings = settings;
    this.#choice = new LabelChoice(settings.labelKeys ?? {});
    this.#actuals = actuals;
    this.#redactor = new Redactor({ types: settings.redact, phoneRegion: settings.phoneRegion });
    this.#analyzer = settings.analyzer ? new PresidioAnalyzer(settings.analyzer) : undefined;
  }

  /** @param chunk lines of JSON, one {@link LogRow} each. */
  async prepare(chunk: Uint8Array): Promise<RowBatch> {
    const issues = new IssueTable();
    const examples: Example[] = [];
    const texts: string[] = [];
    const userGroups: (string | undefined)[] = [];
    let actuals = 0;
    const lost = new Map<string, number>();
    const turns: number[] = [];
    for (const line of textLinesIn(chunk)) {
      const row = readLine(LOG_ROW, line, 'a segment of the snapshot');
      const actual = this.#actuals.get(row.id);
      if (actual) {
        actuals += 1;
        overrideWith(row, actual);
      }
      const example = this.#toExample(row);
      if (typeof example === 'string') {
        issues.add(example, row);
        countLost(lost, row, this.#settings.classification);
        continue;
      }
      examples.push(example);
      // Row keys are computed before redaction, so that a row keeps its key in every dataset version.
      texts.push(canonicalInput(example.input));
      const place =
        this.#settings.turns === undefined || this.#settings.turns === 'first' ? undefined : placeInConversation(row);
      userGroups.push(this.#settings.groupBy === null ? place?.beginning : row.metadata?.[this.#settings.groupBy]);
      if (place && this.#settings.turns === 'last')
        turns.push(numberOf(place.whole), place.before === '' ? 0 : numberOf(place.before));
    }
    const redactions = await this.#redact(examples);
    return {
      ...this.#columns(examples, texts, userGroups),
      issues: issues.all(),
      redactions,
      actuals,
      lost,
      turns: Float64Array.from(turns),
    };
  }

  #toExample(row: LogRow): Example | RowIssue {
    const { template, treatments, limits, minQuality } = this.#settings;
    if (minQuality !== null && !((row.quality ?? Number.NaN) >= minQuality)) return 'low-quality';
    if (row.flaw !== undefined && row.actual === undefined) return row.flaw;
    const completion = row.actual ?? row.completion;
    if (completion === undefined) return 'no-output';
    const stripped = stripInstructions(template, row.messages);
    if ('mismatch' in stripped) {
      return row.messages.some(({ role }) => role === 'assistant' || role === 'tool')
        ? 'multi-turn'
        : 'prompt-mismatch';
    }
    if (stripped.input.trim() === '') return 'empty-input';
    // A checked answer is right as it is, even where it declines to help.
    const issue = row.actual === undefined ? answerIssue(completion) : undefined;
    if (issue) return issue;
    if (completion.trim() === '') return 'empty-completion';
    const chosen = this.#choice.choose(completion);
    if ('issue' in chosen) return chosen.issue;
    const example = exampleOf(row, stripped, chosen.answer);
    if (example.recorded) example.recorded.completion = this.#production(example.recorded.completion);
    return exampleIssue(template, example, treatments, limits) ?? example;
  }

  /** Production's answer in the form of the answers to learn, so that both are scored alike. */
  #production(completion: string): string {
    const chosen = this.#choice.choose(completion);
    return 'answer' in chosen ? chosen.answer : completion;
  }

  /** Gives equal values the same placeholder in the whole example. @returns the number of replaced values, by type. */
  async #redact(examples: readonly Example[]): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    if (this.#settings.redact.length === 0 && !this.#analyzer) return counts;
    const texts = examples.map((example) => textsOf(example, this.#settings.classification));
    const foreign = await this.#analyzer?.analyze(texts.flat(), this.#signal);
    let position = 0;
    examples.forEach((example, index) => {
      const own = texts[index] ?? [];
      const redacted = this.#redactor.redact(own, foreign?.slice(position, position + own.length));
      position += own.length;
      replaceTexts(example, redacted.texts);
      for (const [type, count] of Object.entries(redacted.found)) counts[type] = (counts[type] ?? 0) + count;
    });
    return counts;
  }

  #columns(
    examples: readonly Example[],
    texts: string[],
    userGroups: readonly (string | undefined)[],
  ): Omit<RowBatch, 'issues' | 'redactions' | 'actuals' | 'lost' | 'turns'> {
    const rows = examples.length;
    const signatures = new Uint32Array(rows * SIGNATURE_WORDS);
    const keys = new Uint8Array(rows * KEY_BYTES);
    texts.forEach((text, row) => {
      this.#signer.sign(text, signatures, row * SIGNATURE_WORDS);
      keys.set(keyOf(text), row * KEY_BYTES);
    });
    return {
      rows,
      examples: lines(examples),
      texts,
      signatures,
      keys,
      inputs: Float64Array.from(examples, ({ input }) => numberOf(input)),
      answers: Float64Array.from(examples, ({ completion }) => numberOf(completion)),
      ids: Float64Array.from(examples, ({ id }) => numberOf(id)),
      userGroups: Float64Array.from(userGroups, (value) => (value === undefined ? 0 : numberOf(value))),
      times: Float64Array.from(examples, ({ timestamp }) =>
        timestamp === undefined ? Number.NaN : Date.parse(timestamp),
      ),
      labels: this.#settings.classification ? examples.map(({ completion }) => completion) : [],
    };
  }
}

const LONGEST_LABEL = 100;
const MOST_LOST_LABELS = 1000;

function countLost(lost: Map<string, number>, { actual, completion = '' }: LogRow, classification: boolean): void {
  if (!classification) return;
  const label = bareLabel(actual ?? completion);
  // A refusal or an error is no label.
  if (label === '' || label.length > LONGEST_LABEL || answerIssue(label) !== undefined) return;
  if (lost.size >= MOST_LOST_LABELS && !lost.has(label)) return;
  lost.set(label, (lost.get(label) ?? 0) + 1);
}

/** The texts of an example that are redacted. Labels are not, because they name classes. */
function textsOf({ input, slots = [], completion, recorded }: Example, classification: boolean): string[] {
  const answers = classification ? [] : [completion, ...(recorded ? [recorded.completion] : [])];
  return [input, ...slots, ...answers];
}

/** Puts the texts of {@link textsOf} back. */
function replaceTexts(example: Example, [input = '', ...others]: readonly string[]): void {
  example.input = input;
  if (example.slots) example.slots = others.splice(0, example.slots.length);
  const [completion, recorded] = others;
  if (completion !== undefined) example.completion = completion;
  if (recorded !== undefined && example.recorded) example.recorded.completion = recorded;
}

export function exampleOf(row: LogRow, { input, slots, version }: StrippedPrompt, completion: string): Example {
  return {
    id: row.id,
    line: row.line,
    ...(row.file === undefined ? {} : { file: row.file }),
    ...(row.timestamp === undefined ? {} : { timestamp: row.timestamp }),
    input,
    completion,
    ...(row.actual === undefined || row.actualBy === undefined ? {} : { completionBy: row.actualBy }),
    version,
    // The input alone says as much, and most templates have no other slot.
    ...(slots.length === 1 && slots[0] === input ? {} : { slots }),
    // The baseline is the original prompt, without any replacement.
    ...(row.completion === undefined || row.flaw === 'own-answer' ? {} : { recorded: recordedOf(row, row.completion) }),
  };
}

/** The key of an input in the ledger of sides. */
export function keyOf(canonical: string): Uint8Array {
  return hash('sha256', canonical, 'buffer').subarray(0, KEY_BYTES);
}

/** The beginning of a hash as a whole number below 2^52. */
export function numberOf(text: string): number {
  // 13 hex digits: as many bits as a double holds exactly.
  return Number.parseInt(hash('sha1', text, 'hex').slice(0, 13), 16);
}

function overrideWith(row: LogRow, { actual, quality, by }: Actual): void {
  if (quality !== undefined) row.quality = quality;
  if (actual === undefined) return;
  row.actual = actual;
  if (by === undefined) delete row.actualBy;
  else row.actualBy = by;
}

function recordedOf(row: LogRow, completion: string): Recorded {
  return {
    completion,
    checked: row.actual !== undefined,
    ...(row.usage ? { usage: row.usage } : {}),
    ...(row.latencyMs === undefined ? {} : { latencyMs: row.latencyMs }),
    ...(row.model ? { model: row.model } : {}),
  };
}

function lines(examples: readonly Example[]): Uint8Array<ArrayBuffer> {
  const text = examples.map((example) => `${JSON.stringify(example)}\n`).join('');
  return new Uint8Array(new TextEncoder().encode(text));
}
