import { hash } from 'node:crypto';
import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { type PromptTemplate, stripInstructions } from '@tuneloop/app/internal/prompt/prompt-template';
import { ISSUES, type RowIssue } from '../../core/dataset/issue.ts';
import type { Actual, LogRow } from '../../core/dataset/row.ts';
import type { Pipeline } from '../../core/run/pipeline.ts';
import { TuneloopError } from '../../errors.ts';
import type { ArtifactStore } from '../../stores/artifact-store.ts';
import { findTemplate } from '../prepare/template-search.ts';
import { answerIssue, LabelJudge } from '../rows/answer-issue.ts';
import { isByModel } from './actuals-file.ts';
import { type Answer, type AnsweredRow, answerOf, type LabellingLog, rowsOf } from './labelling-log.ts';

/** A row that a person should look at. */
export interface DoubtfulRow {
  id: string;
  reasons: string[];
  /** The prompt without its instructions, where they are known. */
  input: string;
  /** Production's answer. */
  completion: string;
  /** The teacher's answer. */
  suggestion: string;
}

export interface DoubtOptions {
  task: Pipeline['task'];
  instructions: Pipeline['clean']['instructions'];
  /** The rejected answers of the teacher, by id. */
  keptOut: ReadonlyMap<string, Actual>;
}

/** A rating below it means that the answer is more likely wrong than right. */
const DOUBTFUL_QUALITY = 0.5;

/** The rows of a log whose answer is missing, disputed or suspicious, in the order of the log. */
export async function* findDoubtfulRows(
  artifacts: ArtifactStore,
  log: LabellingLog,
  { task, instructions, keptOut }: DoubtOptions,
): AsyncIterable<DoubtfulRow> {
  const template = await templateOf(artifacts, log, { instructions, task });
  const labels = task === 'classification' ? await Labels.of(artifacts, log) : null;
  for await (const answered of rowsOf(artifacts, log)) {
    const { row, later } = answered;
    const suggestion = keptOut.get(row.id)?.actual || later.findLast(isTeachers)?.actual || '';
    const reasons = doubtsOf(answered, suggestion, labels);
    if (reasons.length === 0) continue;
    yield { id: row.id, reasons, input: inputOf(template, row.messages), completion: row.completion ?? '', suggestion };
  }
}

function doubtsOf(answered: AnsweredRow, suggestion: string, labels: Labels | null): string[] {
  const { row, later } = answered;
  const answer = answerOf(answered);
  const reasons = [
    ...(answer === null ? ['no answer'] : []),
    ...(labels?.isContradicted(row) ? ['the same prompt has another label elsewhere'] : []),
  ];
  // A person's answer is final, unless two persons disagree.
  if (answer?.checked && !isByModel(answer.by)) return reasons;
  const issue = answer && !answer.checked ? unusable(answer, labels) : undefined;
  if (issue) reasons.push(ISSUES[issue].what);
  const quality = later.findLast((actual) => actual.quality !== undefined)?.quality ?? row.quality;
  if (quality !== undefined && quality < DOUBTFUL_QUALITY) reasons.push(`rated below ${DOUBTFUL_QUALITY}`);
  const said = (row.completion ?? '').trim();
  if (said !== '' && suggestion !== '' && said !== suggestion.trim()) reasons.push('the teacher has another answer');
  return reasons;
}

function isTeachers({ actual, by }: Actual): boolean {
  return actual !== undefined && isByModel(by);
}

/** The issue that would keep an answer out of a dataset. */
function unusable({ text }: Answer, labels: Labels | null): RowIssue | undefined {
  const issue = answerIssue(text) ?? labels?.issueOf(text);
  return issue && ISSUES[issue].effect === 'drop' ? issue : undefined;
}

/** The labels of a log, and the prompts that have two different ones. */
class Labels {
  readonly #judge: LabelJudge;
  /** By prompt; null where there are two. */
  readonly #labels = new Map<string, string | null>();

  private constructor(judge: LabelJudge) {
    this.#judge = judge;
  }

  static async of(artifacts: ArtifactStore, log: LabellingLog): Promise<Labels> {
    const counts = new Map<string, number>();
    for await (const answered of rowsOf(artifacts, log)) {
      const answer = answerOf(answered);
      if (answer) counts.set(answer.text, (counts.get(answer.text) ?? 0) + 1);
    }
    const labels = new Labels(new LabelJudge(counts));
    for await (const answered of rowsOf(artifacts, log)) {
      const answer = answerOf(answered);
      if (answer) labels.#add(answered.row, answer.text);
    }
    return labels;
  }

  issueOf(answer: string): RowIssue | undefined {
    return this.#judge.mend(answer).issue;
  }

  isContradicted(row: LogRow): boolean {
    return this.#labels.get(promptKey(row)) === null;
  }

  /** Labels that differ only in spelling count as one. */
  #add(row: LogRow, answer: string): void {
    const key = promptKey(row);
    const label = this.#judge.mend(answer).completion.trim();
    const other = this.#labels.get(key);
    if (other === undefined) this.#labels.set(key, label);
    else if (other !== label) this.#labels.set(key, null);
  }
}

function promptKey({ messages }: LogRow): string {
  return hash('sha256', JSON.stringify(messages.map(({ role, content }) => [role, content])), 'base64');
}

/** The template; null where prompts share none, and are shown whole. */
async function templateOf(
  artifacts: ArtifactStore,
  { rows }: LabellingLog,
  { instructions, task }: Pick<DoubtOptions, 'instructions' | 'task'>,
): Promise<PromptTemplate | null> {
  try {
    const segments = [{ file: await artifacts.file(rows), rows: rows.rows }];
    return (await findTemplate({ clean: { instructions }, task }, segments, null)).template;
  } catch (error) {
    if (error instanceof TuneloopError && error.code === 'INSTRUCTIONS_NOT_FOUND') return null;
    throw error;
  }
}

function inputOf(template: PromptTemplate | null, messages: readonly Message[]): string {
  const stripped = template ? stripInstructions(template, messages) : null;
  if (stripped && 'input' in stripped) return stripped.input;
  return messages.map(({ role, content }) => (messages.length === 1 ? content : `${role}: ${content}`)).join('\n\n');
}
