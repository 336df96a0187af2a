import { Context } from '@temporalio/activity';
import type { TokenUsage } from '@tuneloop/app/internal/prompt/chat-message';
import pMap from 'p-map';
import type { UnlabelledRow } from '../contract/stored/label-rows.ts';
import { TEACHER_ANSWER, type TeacherAnswer, UNLABELLED_ROW } from '../contract/stored/label-rows.ts';
import { tariffOf } from '../core/evaluation/cost.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import type { LabelledRows } from '../core/run/labelling.ts';
import { originalProvider } from '../core/run/pipeline.ts';
import { answersFile } from '../data/labels/teacher-files.ts';
import { TuneloopError } from '../errors.ts';
import { completeWithRetries } from '../providers/completion.ts';
import type { CompletionRequest, Inference } from '../providers/inference.ts';
import { ProviderError } from '../providers/provider-error.ts';
import { Spending } from '../providers/spending.ts';
import { loadLines } from '../stores/stored-objects.ts';
import { teacherOf } from './find-unlabelled.ts';
import { currentWorkflowId, type Dependencies, loadPipeline } from './support/dependencies.ts';
import { Journal } from './support/journal.ts';
import { reportStep } from './support/step-progress.ts';

export interface LabelRowsInput {
  definition: ArtifactRef;
  /** One {@link UnlabelledRow} a line. */
  rows: ArtifactRef;
  /** Its reservation, in USD; it stops before it spends more. Null for no limit. */
  limitUsd: number | null;
  /** The expected cost of the most expensive row, in USD. */
  dearestUsd: number;
}

/** After so many refusals and no answer it is the model or the account that is refused, and not the rows. */
const REFUSALS = 20;

/**
 * Asks the teacher for the rows that have no answer, with their original prompts. Each answer is kept on disk at once, and
 * an attempt goes on where the one before it stopped: only rows that were in flight are paid again.
 */
export function createLabelRows(dependencies: Dependencies) {
  return async (input: LabelRowsInput): Promise<LabelledRows> => {
    const { artifacts, home, prices } = dependencies;
    const pipeline = await loadPipeline(dependencies, input.definition);
    const { model, concurrency } = teacherOf(pipeline);
    const { inference, profile } = dependencies.connectProvider(originalProvider(pipeline));
    const { cancellationSignal: signal } = Context.current();
    const journal = await Journal.open(answersFile(home, currentWorkflowId(), model), TEACHER_ANSWER, ({ id }) => id);
    const answers = journal.entries;
    const tariff = tariffOf(prices, profile.billing, model, false);
    const spending = new Spending(tariff, input.limitUsd, answers.values(), input.dearestUsd);

    let done = 0;
    const advance = () => {
      done += 1;
      reportStep('ask the teacher', done, input.rows.rows);
    };
    const refusals: { id: string; error: ProviderError }[] = [];
    // The error that ends the asking is remembered and not thrown, so that answers that are on their way are still kept.
    let end: { error: unknown } | undefined;
    const openRows = async function* () {
      for await (const row of loadLines(UNLABELLED_ROW, artifacts, input.rows)) {
        if (end) return;
        if (answers.has(row.id)) advance();
        else yield row;
      }
    };
    const label = async ({ id, messages }: UnlabelledRow) => {
      if (end) return;
      try {
        signal.throwIfAborted();
        spending.start(`${done} of ${input.rows.rows} rows`);
        const { max_output_tokens: maxOutputTokens } = pipeline.evaluation;
        const answer = await ask(inference, { model, messages, maxOutputTokens, signal });
        if (answer instanceof ProviderError) {
          spending.end(NOTHING);
          refusals.push({ id, error: answer });
          if (answers.size === 0 && refusals.length >= REFUSALS) throw answer;
        } else {
          spending.end(answer);
          await journal.add({ id, ...answer });
        }
        advance();
      } catch (error) {
        end ??= { error };
      }
    };
    await pMap(openRows(), label, { concurrency });
    const stopped = end && isBudgetExceeded(end.error) ? end.error.message : null;
    if (end && stopped === null) throw end.error;
    const [refusal] = refusals;
    if (refusal && answers.size === 0) throw refusal.error;
    for (const { id } of refusals) await journal.add({ id, text: null, cut: false, timestamp: now(), ...NOTHING });
    return { left: input.rows.rows - done, spentUsd: spending.usd, stopped };
  };
}

const NOTHING: TokenUsage = { promptTokens: 0, completionTokens: 0 };

/** The answer, or the refusal of this one request: it cost nothing, and other rows may be answered. */
async function ask(
  inference: Inference,
  request: CompletionRequest,
): Promise<(Omit<TeacherAnswer, 'id' | 'text'> & { text: string }) | ProviderError> {
  try {
    const { text, cut, promptTokens, completionTokens } = await completeWithRetries(inference, request);
    return { text, cut, timestamp: now(), promptTokens, completionTokens };
  } catch (error) {
    if (error instanceof ProviderError && REFUSES_THE_ROW.has(error.status)) return error;
    throw error;
  }
}

/** Too long, too large, or impossible to process; a key, a model or a quota is another matter. */
const REFUSES_THE_ROW: ReadonlySet<number | undefined> = new Set([400, 413, 422]);

function isBudgetExceeded(error: unknown): error is TuneloopError {
  return error instanceof TuneloopError && error.code === 'BUDGET_EXCEEDED';
}

function now(): string {
  return new Date().toISOString();
}
