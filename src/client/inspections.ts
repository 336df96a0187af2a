import path from 'node:path';
import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import {
  type PromptTemplate,
  stripInstructions,
  type TemplateVersion,
} from '@tuneloop/app/internal/prompt/prompt-template';
import type { Environment } from '../config/environment.ts';
import { readPipelineFile } from '../config/pipeline-file.ts';
import type { CutPart } from '../core/dataset/cut-part.ts';
import { ISSUES, type IssueCount, IssueTable, placeText, type RowIssue } from '../core/dataset/issue.ts';
import type { LogRow } from '../core/dataset/row.ts';
import { originalProvider, type Pipeline, type ProviderChoice } from '../core/run/pipeline.ts';
import type { SourceChoice } from '../core/run/source-choice.ts';
import { differenceFrom } from '../data/instructions/template-difference.ts';
import { type SampledPrompt, sampleOf, templateOf } from '../data/prepare/template-search.ts';
import { answerIssue, LabelJudge } from '../data/rows/answer-issue.ts';
import { LabelChoice, type LabelKeys } from '../data/rows/label-choice.ts';
import { notLabels, type SuspiciousPair, suspiciousPairs } from '../data/rows/label-survey.ts';
import { countMessages } from '../data/rows/provider-limits.ts';
import { TuneloopError } from '../errors.ts';
import { connectProvider } from '../providers/connect.ts';
import { openSource } from '../sources/open-source.ts';
import { trainerUrlOf } from '../stores/services-file.ts';
import { asTuneloopError } from './session.ts';

/** At most this many rows are read, from the beginning of the log. */
const INSPECTED_ROWS = 20_000;
/** At most this many prompts, taken from all over these rows, show the instructions. */
const MINED = 2000;
const COUNTED = 200;
const EXAMPLES = 2;
const VALUES = 3;
const PLACES = 5;

/** A place of a prompt that differs from row to row, with a few of its values. */
export interface InspectedSlot {
  name: string;
  kind: string;
  values: string[];
}

/** The common text of the prompts of one version of the instructions. */
export interface InspectedVersion {
  rows: number;
  share: number;
  /** Stands before each input, where answers depend on the version. */
  name?: string;
  /** The prompt with its slots as `‹name›`. */
  prompt: Message[];
  slots: InspectedSlot[];
  /** Means of a request, before and after the instructions are removed. */
  tokens: { before: number; after: number };
  examples: { input: string; completion: string | null }[];
}

/** The labels of a log as they are counted after spellings were united. */
export interface InspectedLabels {
  /** The most frequent first. */
  counts: { label: string; rows: number }[];
  suspicious: SuspiciousPair[];
  /** Why the answers are no labels; null where they may be. */
  problem: string | null;
}

/** The common text of a log's prompts, and the rows that do not fit. */
export interface Inspection {
  source: string[];
  /** Rows by the format of their records; empty where they are from no file. */
  formats: Record<string, number>;
  rows: number;
  /** Rows and records by what their issues do to them; a row with several counts once. */
  outcome: { kept: number; changed: number; dropped: number };
  versions: InspectedVersion[];
  /** Parts that change and are no input by their form, with the test whether answers depend on them. */
  parts: CutPart[];
  /** Of a classification; null for other tasks. */
  labels: InspectedLabels | null;
  mismatched: { rows: number; examples: { place: string; differs: string }[] };
  /** Issues of rows, under the key that `inspect --json` has always had. */
  verdicts: IssueCount[];
}

export interface InspectOptions {
  /** Is told the number of rows that are read, if the log may have more. */
  onTruncated?: (rows: number) => void;
}

/** The common text of a log's prompts, and the inputs without it. Takes a pipeline file, or a log in JSONL. */
export async function inspectLog(
  environment: Environment,
  file: string,
  { onTruncated }: InspectOptions = {},
): Promise<Inspection> {
  const { source, instructions, turns, provider, task, labelKeys } = await whatToInspect(file);
  const log = openSource(source, { provider: () => connectProvider(provider, trainerUrlOf(environment)) });
  const issues = new IssueTable();
  const { rows, formats, outcome } = await asTuneloopError(readRows(log, issues));
  const names = await log.describe();
  if (rows.length === 0) {
    const reasons = issues.all().map(({ verdict, rows: count }) => `${count} x ${ISSUES[verdict].what}`);
    throw new TuneloopError('SOURCE_EMPTY', `${names.join(', ')} holds no row that can be used: ${reasons.join('; ')}`);
  }
  if (rows.length === INSPECTED_ROWS) onTruncated?.(rows.length);
  const stride = Math.ceil(rows.length / MINED);
  const sample = rows.filter((_, index) => index % stride === 0).map(sampleOf);
  const { template, parts } = templateOf(sample, { instructions, turns, task }, null);
  const labels = task === 'classification' ? labelsOf(sample, labelKeys, rows.length / sample.length) : null;
  return { ...lookAt(rows, template, names, issues), formats, outcome, parts, labels };
}

/** A pipeline file, or a bare log. */
async function whatToInspect(file: string): Promise<{
  source: SourceChoice;
  instructions: Pipeline['clean']['instructions'];
  turns?: Pipeline['clean']['turns'];
  provider: ProviderChoice;
  /** Of a bare log it is unknown: its answers are compared as texts. */
  task: Pipeline['task'];
  labelKeys: LabelKeys;
}> {
  if (/\.jsonl(\.gz)?$/.test(file)) {
    return {
      source: { type: 'jsonl', path: path.resolve(file) },
      instructions: 'auto',
      provider: 'local',
      task: 'generation',
      labelKeys: {},
    };
  }
  const pipeline = await readPipelineFile(file);
  const { source, clean, task } = pipeline;
  return {
    source,
    instructions: clean.instructions,
    labelKeys: pipeline,
    turns: clean.turns,
    provider: originalProvider(pipeline),
    task,
  };
}

async function readRows(
  log: ReturnType<typeof openSource>,
  issues: IssueTable,
): Promise<Pick<Inspection, 'formats' | 'outcome'> & { rows: LogRow[] }> {
  const rows: LogRow[] = [];
  const formats: Record<string, number> = {};
  const outcome = { kept: 0, changed: 0, dropped: 0 };
  const { items } = await log.read(null, new AbortController().signal);
  for await (const item of items) {
    if (item.kind === 'refused') {
      issues.add(item.issue, item.place, item.detail);
      if (ISSUES[item.issue].effect === 'drop') outcome.dropped += 1;
    }
    if (item.kind !== 'row') continue;
    const { row, details, format } = item;
    if (format !== undefined) formats[format] = (formats[format] ?? 0) + 1;
    const found = [...item.issues, ...issueOfAnswer(row)];
    for (const issue of found) issues.add(issue, row, details?.[issue]);
    const effects = found.map((issue) => ISSUES[issue].effect);
    outcome[effects.includes('drop') ? 'dropped' : effects.includes('mend') ? 'changed' : 'kept'] += 1;
    rows.push(row);
    if (rows.length === INSPECTED_ROWS) break;
  }
  return { rows, formats, outcome };
}

/** Why the answer of a row is none to learn from, as a run will say too. */
function issueOfAnswer({ flaw, actual, completion }: LogRow): RowIssue[] {
  if (actual !== undefined) return [];
  const issue = flaw ?? (completion === undefined ? 'no-output' : answerIssue(completion));
  return issue === undefined ? [] : [issue];
}

/** @param each the number of rows that one of the sample stands for. */
function labelsOf(sample: readonly SampledPrompt[], keys: LabelKeys, each: number): InspectedLabels {
  const choice = new LabelChoice(keys);
  const answers = new Map<string, number>();
  for (const { answer } of sample) {
    const chosen = answer === undefined ? undefined : choice.choose(answer);
    if (chosen && 'answer' in chosen) answers.set(chosen.answer, (answers.get(chosen.answer) ?? 0) + 1);
  }
  const judge = new LabelJudge(answers);
  const counts = new Map<string, number>();
  for (const [answer, rows] of answers) {
    const { completion } = judge.mend(answer);
    counts.set(completion, (counts.get(completion) ?? 0) + rows);
  }
  return {
    counts: [...counts]
      .sort(([a, rowsOfA], [b, rowsOfB]) => rowsOfB - rowsOfA || (a < b ? -1 : 1))
      .map(([label, rows]) => ({ label, rows: Math.round(rows * each) })),
    suspicious: suspiciousPairs(counts),
    problem: notLabels(counts, keys.multi_label ?? false) ?? null,
  };
}

function lookAt(
  rows: readonly LogRow[],
  template: PromptTemplate,
  source: string[],
  issues: IssueTable,
): Omit<Inspection, 'formats' | 'outcome' | 'parts' | 'labels'> {
  const versions = template.versions.map((version) => new VersionFigures(version));
  const mismatched: Inspection['mismatched'] = { rows: 0, examples: [] };
  for (const row of rows) {
    const stripped = stripInstructions(template, row.messages);
    if ('mismatch' in stripped) {
      mismatched.rows += 1;
      if (mismatched.examples.length < PLACES) {
        mismatched.examples.push({
          place: placeText(row),
          differs: differenceFrom(template, row.messages) ?? stripped.mismatch,
        });
      }
    } else {
      versions[stripped.version]?.add(row, stripped.slots, stripped.input);
    }
  }
  return {
    source,
    rows: rows.length,
    versions: versions.map((each) => each.all(rows.length)),
    mismatched,
    verdicts: issues.all(),
  };
}

/** The prompts of one version, as shown to people. */
class VersionFigures {
  readonly #version: TemplateVersion;
  readonly #values: Set<string>[];
  readonly #examples: InspectedVersion['examples'] = [];
  #rows = 0;
  #counted = 0;
  #before = 0;
  #after = 0;

  constructor(version: TemplateVersion) {
    this.#version = version;
    this.#values = version.slots.map(() => new Set());
  }

  add({ messages, completion, actual }: LogRow, slots: readonly string[], input: string): void {
    this.#rows += 1;
    slots.forEach((value, slot) => {
      const values = this.#values[slot];
      if (values && values.size < VALUES) values.add(value);
    });
    if (this.#examples.length < EXAMPLES) this.#examples.push({ input, completion: actual ?? completion ?? null });
    if (this.#counted === COUNTED) return;
    this.#counted += 1;
    this.#before += countMessages(messages);
    this.#after += countMessages([{ role: 'user', content: input }]);
  }

  all(rows: number): InspectedVersion {
    const { slots, messages } = this.#version;
    const mean = (tokens: number) => (this.#counted === 0 ? 0 : tokens / this.#counted);
    return {
      rows: this.#rows,
      share: this.#rows / rows,
      ...(this.#version.name === undefined ? {} : { name: this.#version.name }),
      prompt: messages.map(({ role, parts }) => ({
        role,
        content: parts.map((part) => (typeof part === 'string' ? part : `‹${slots[part.slot]?.name}›`)).join(''),
      })),
      slots: slots.map(({ name, kind }, slot) => ({ name, kind, values: [...(this.#values[slot] ?? [])] })),
      tokens: { before: mean(this.#before), after: mean(this.#after) },
      examples: this.#examples,
    };
  }
}
