import { Context } from '@temporalio/activity';
import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import type { UnlabelledRow } from '../contract/stored/label-rows.ts';
import { ISSUES } from '../core/dataset/issue.ts';
import { costPer1k, tariffOf } from '../core/evaluation/cost.ts';
import { mean } from '../core/evaluation/statistics.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { originalProvider, type Pipeline } from '../core/run/pipeline.ts';
import { ActualsFile, byModel } from '../data/labels/actuals-file.ts';
import { type Answer, answerOf, type LabellingLog, openLog, readLog, rowsOf } from '../data/labels/labelling-log.ts';
import { keptOutFile } from '../data/labels/teacher-files.ts';
import { answerIssue, LabelJudge } from '../data/rows/answer-issue.ts';
import { countMessages, countText } from '../data/rows/provider-limits.ts';
import { TuneloopError } from '../errors.ts';
import { ErasedRows } from '../stores/erased-rows.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './support/dependencies.ts';
import { reportStep } from './support/step-progress.ts';

export interface FindUnlabelledInput {
  definition: ArtifactRef;
  /** The largest number of rows; null for all. */
  limit: number | null;
}

/** The questions for a teacher. */
export interface Unlabelled {
  /** One {@link UnlabelledRow} a line. */
  rows: ArtifactRef;
  /** One label of the log a line, as JSON; null where any answer is acceptable: because no label is known, or the task is generation. */
  labels: ArtifactRef | null;
  /** Rows without an answer that are left to people, because the teacher's answer to them was rejected before. */
  keptOut: number;
  /** Rows without an answer beyond the limit. */
  beyondLimit: number;
  /** The reservation, in USD; null where no price is known. */
  reserveUsd: number | null;
  /** The expected cost of the most expensive row, in USD. */
  dearestUsd: number;
  /** `labelling.budget_usd`. */
  budgetUsd: number | null;
  /** Whether this worker has a monthly budget. */
  monthly: boolean;
}

const REPORTED_ROWS = 5000;
/** The reservation exceeds the estimate by this factor, because the teacher's answers may be longer than the log's. */
const RESERVE = 1.25;

/** Finds the rows of the log that have no answer, and estimates the cost of a teacher for them. */
export function createFindUnlabelled(dependencies: Dependencies) {
  return async ({ definition, limit }: FindUnlabelledInput): Promise<Unlabelled> => {
    const { artifacts, home } = dependencies;
    const pipeline = await loadPipeline(dependencies, definition);
    const { model } = teacherOf(pipeline);
    const known = new KnownAnswers(pipeline.task);
    const log = await readUnanswered(dependencies, pipeline, known);
    const knownLabels = known.labels();

    const before = await ActualsFile.open(keptOutFile(home, currentWorkflowId()));
    const isKeptOut = (id: string) => {
      const answer = before.answers.get(id);
      return answer?.by === byModel(model) && !knownLabels.has(answer.actual ?? '');
    };
    const requests = new Requests();
    const left = { keptOut: 0, beyondLimit: 0 };
    const take = async function* () {
      for await (const answered of rowsOf(artifacts, log)) {
        if (answerOf(answered) !== null) continue;
        const { id, messages } = answered.row;
        if (isKeptOut(id)) left.keptOut += 1;
        else if (limit !== null && requests.count >= limit) left.beyondLimit += 1;
        else {
          requests.add(messages);
          yield JSON.stringify({ id, messages } satisfies UnlabelledRow);
        }
      }
    };
    const rows = await artifacts.write(take());
    const labels = [...knownLabels].map((label) => JSON.stringify(label));
    return {
      rows,
      labels: labels.length > 0 ? await artifacts.write(labels) : null,
      ...left,
      ...estimate(dependencies, pipeline, requests, known),
    };
  };
}

/** The rows without an answer of their own; all answers of the log, early and late, are shown to `known`. */
async function readUnanswered(
  dependencies: Dependencies,
  { source, provider }: Pipeline,
  known: KnownAnswers,
): Promise<LabellingLog> {
  const erased = await ErasedRows.read(dependencies.home);
  const log = await readLog(
    await openLog(source, () => dependencies.connectProvider(provider)),
    dependencies.artifacts,
    (row) => {
      if (erased.has(row)) return false;
      const answer = answerOf({ row, later: [] });
      if (answer) known.add(answer);
      return answer === null;
    },
    {
      signal: Context.current().cancellationSignal,
      onRow: (rows) => {
        if (rows % REPORTED_ROWS === 0) reportStep('read the log', rows);
      },
    },
  );
  for (const answers of log.later.values()) {
    for (const { actual = '', by } of answers) known.add({ text: actual, checked: true, by });
  }
  return log;
}

/** @throws TuneloopError BUDGET_EXCEEDED where a budget is set, but no price is known to keep it by. */
function estimate(
  dependencies: Dependencies,
  pipeline: Pipeline,
  requests: Requests,
  known: KnownAnswers,
): Pick<Unlabelled, 'reserveUsd' | 'dearestUsd' | 'budgetUsd' | 'monthly'> {
  const { model, budget_usd: budgetUsd = null } = teacherOf(pipeline);
  const { prices, monthlyBudgetUsd } = dependencies;
  const { profile } = dependencies.connectProvider(originalProvider(pipeline));
  const monthly = monthlyBudgetUsd !== null && profile.billing.charges === 'tokens';
  const tariff = tariffOf(prices, profile.billing, model, false);
  if (tariff.kind === 'unknown' && (budgetUsd !== null || monthly)) throw priceUnknown(model, budgetUsd !== null);
  const longest = pipeline.evaluation.max_output_tokens ?? Number.POSITIVE_INFINITY;
  // Time on a machine of one's own is charged when it is known.
  const usdOfOne = (promptTokens: number, completionTokens: number) => {
    const per1k = costPer1k(tariff, { promptTokens, completionTokens: Math.min(completionTokens, longest) }, 0);
    return per1k === null ? null : per1k / 1000;
  };
  const meanUsd = usdOfOne(requests.meanTokens, known.meanTokens);
  const wholeUsd = meanUsd === null ? null : meanUsd * requests.count * RESERVE;
  return {
    reserveUsd: wholeUsd === null || budgetUsd === null ? wholeUsd : Math.min(wholeUsd, budgetUsd),
    dearestUsd: usdOfOne(requests.mostTokens, known.mostTokens) ?? 0,
    budgetUsd,
    monthly,
  };
}

/** The labelling settings of the pipeline. @throws TuneloopError PIPELINE_INVALID where there are none. */
export function teacherOf({ name, labelling }: Pipeline): NonNullable<Pipeline['labelling']> {
  if (labelling) return labelling;
  throw new TuneloopError(
    'PIPELINE_INVALID',
    `pipeline ${name} has no key labelling.model: name the model that answers calls without an answer`,
  );
}

function priceUnknown(model: string, budget: boolean): TuneloopError {
  return new TuneloopError(
    'BUDGET_EXCEEDED',
    `${budget ? 'labelling.budget_usd' : 'TUNELOOP_MONTHLY_BUDGET_USD'} is set, but the price file has no price for ${model}: add one with TUNELOOP_PRICES`,
  );
}

const SAMPLED_ANSWERS = 500;
/** The assumed length of answers, in tokens, while the log has no answer. */
const GUESSED_ANSWER_TOKENS = { classification: 10, generation: 500 };

/** The answers of the log: labels, if the task is classification, and their length. */
class KnownAnswers {
  readonly #task: Pipeline['task'];
  readonly #tokens: number[] = [];
  /** The number of rows by production's answer, and by the checked answer. */
  readonly #said = new Map<string, number>();
  readonly #checked = new Set<string>();

  constructor(task: Pipeline['task']) {
    this.#task = task;
  }

  /** All labels except those that a dataset would not take: refusals, errors, and answers that say more than a label. */
  labels(): Set<string> {
    const judge = new LabelJudge(this.#said);
    const labels = new Set(this.#checked);
    for (const said of this.#said.keys()) {
      const { completion, issue } = judge.mend(said);
      const found = answerIssue(said) ?? issue;
      if (found === undefined || ISSUES[found].effect !== 'drop') labels.add(completion.trim());
    }
    return labels;
  }

  get meanTokens(): number {
    return this.#tokens.length > 0 ? mean(this.#tokens) : GUESSED_ANSWER_TOKENS[this.#task];
  }

  get mostTokens(): number {
    return this.#tokens.length > 0 ? Math.max(...this.#tokens) : GUESSED_ANSWER_TOKENS[this.#task];
  }

  add({ text, checked }: Answer): void {
    const answer = text.trim();
    if (answer === '') return;
    if (this.#tokens.length < SAMPLED_ANSWERS) this.#tokens.push(countText(answer));
    if (this.#task !== 'classification') return;
    if (checked) this.#checked.add(answer);
    else this.#said.set(answer, (this.#said.get(answer) ?? 0) + 1);
  }
}

/** The length of the requests that the teacher gets. */
class Requests {
  count = 0;
  mostTokens = 0;
  #tokens = 0;

  get meanTokens(): number {
    return this.#tokens / Math.max(1, this.count);
  }

  add(messages: readonly Message[]): void {
    const tokens = countMessages(messages);
    this.count += 1;
    this.#tokens += tokens;
    this.mostTokens = Math.max(this.mostTokens, tokens);
  }
}
