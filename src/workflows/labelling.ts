import {
  ApplicationFailure,
  CancellationScope,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/create-activities.ts';
import { EVALUATION, LOCAL_STEP } from '../contract/activity-options.ts';
import { type LabellingInput, labellingProgressQuery } from '../contract/messages.ts';
import type { LabelledRows, LabellingProgress, LabellingResult } from '../core/run/labelling.ts';
import { escapeMarkdown } from '../core/text/format.ts';
import { asCancellation } from './steps/failure-reason.ts';
import { Pause } from './steps/pause.ts';
import { RunBudget } from './steps/run-budget.ts';

const { findUnlabelled, keepAnswers } = proxyActivities<Activities>(LOCAL_STEP);
const { labelRows } = proxyActivities<Activities>(EVALUATION);

/** Lets a teacher model answer the rows of the log that have no answer. */
export async function labelling(input: LabellingInput): Promise<LabellingResult> {
  try {
    return await label(input);
  } catch (error) {
    throw asCancellation(error);
  }
}

async function label({ definition, limit }: LabellingInput): Promise<LabellingResult> {
  let progress: LabellingProgress = { stage: 'read', paused: null, rows: null };
  const show = (change: Partial<LabellingProgress>) => {
    progress = { ...progress, ...change };
    setCurrentDetails(detailsOf(progress));
  };
  setHandler(labellingProgressQuery, () => progress, { description: 'How far this labelling has come' });
  const pause = new Pause((paused) => show({ paused }));
  show({});

  const found = await pause.around(() =>
    findUnlabelled.executeWithOptions({ summary: 'rows without an answer' }, [{ definition, limit }]),
  );
  const { rows, labels } = found;
  show({ rows: rows.rows });
  const budget = new RunBudget(found.budgetUsd, found.monthly);
  // The reservation needs a name of its own, because every labelling of a pipeline has the same workflow id.
  const what = `labelling of ${workflowInfo().startTime.toISOString()}`;
  const reserved = await budget.reserve([{ what, usd: found.reserveUsd }]);
  if ('refused' in reserved) throw ApplicationFailure.nonRetryable(reserved.refused, 'BUDGET_EXCEEDED');
  const [reservation] = reserved;

  // In a scope that cancellation does not reach, because the answers are paid for.
  const keep = (spentUsd: number | null) =>
    CancellationScope.nonCancellable(async () => {
      show({ stage: 'keep' });
      try {
        return await keepAnswers.executeWithOptions({ summary: 'add the answers to the file' }, [
          { definition, labels },
        ]);
      } finally {
        await budget.settle(reservation, spentUsd);
      }
    });
  show({ stage: 'ask' });
  const request = { definition, rows, limitUsd: budget.limitUsd(reservation), dearestUsd: found.dearestUsd };
  let asked: LabelledRows;
  try {
    asked = await pause.around(() =>
      labelRows.executeWithOptions({ summary: `ask the teacher for ${rows.rows} rows` }, [request]),
    );
  } catch (error) {
    await keep(null);
    throw error;
  }
  const kept = await keep(asked.spentUsd);
  show({ stage: 'done' });
  return {
    ...kept,
    left: found.beyondLimit + asked.left,
    forPeople: found.keptOut + kept.doubtful,
    spentUsd: asked.spentUsd,
    stopped: asked.stopped,
  };
}

const STAGE_TEXTS = {
  read: 'Looking for rows without an answer',
  ask: 'Asking the teacher',
  keep: 'Adding the answers to the file',
  done: 'Done',
} as const;

/** The Markdown that the Web UI shows as the current details. */
function detailsOf({ stage, paused, rows }: LabellingProgress): string {
  const lines = [`**${STAGE_TEXTS[stage]}**`];
  if (paused) {
    lines.push(
      `**Paused: ${paused.code}.** ${escapeMarkdown(paused.message)}. Mend that, then go on with \`tuneloop resume\`.`,
    );
  }
  if (rows !== null) lines.push(`${rows} rows have no answer`);
  return lines.join('\n\n');
}
