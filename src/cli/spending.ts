import { WorkflowNotFoundError } from '@temporalio/client';
import { usdText } from '../report/format.ts';
import { monthlyBudgetId, ORPHAN_SWEEP_ID } from '../workflows/ids.ts';
import type { MonthlySpending } from '../workflows/monthly-budget.ts';
import type { orphanSweep } from '../workflows/orphan-sweep.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { withSession } from './session.ts';

interface JsonOption {
  json?: boolean;
}

/** `budget`: what the runs of this month have spent under TUNELOOP_MONTHLY_BUDGET_USD. */
export function budget(options: JsonOption): Promise<number> {
  return withSession(async ({ client, environment }) => {
    const account = monthlyBudgetId(new Date());
    const spending = await client.workflow
      .getHandle(account)
      .query<MonthlySpending>('spending')
      .catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return { spentUsd: 0, reservedUsd: 0 };
        throw error;
      });
    const capUsd = environment.monthlyBudgetUsd;
    printResult(options.json, { account, ...spending, capUsd }, () =>
      [
        `${account.replace('budget/', '')}: ${usdText(spending.spentUsd)} spent, ${usdText(spending.reservedUsd)} reserved`,
        capUsd === null ? 'no cap here: set TUNELOOP_MONTHLY_BUDGET_USD for the worker' : `of ${usdText(capUsd)}`,
      ].join(', '),
    );
    return EXIT.ok;
  });
}

/** `sweep`: cancels jobs that no open workflow waits for. */
export function sweep(options: JsonOption): Promise<number> {
  return withSession(async ({ client, environment }) => {
    const result = await client.workflow.execute<typeof orphanSweep>('orphanSweep', {
      workflowId: ORPHAN_SWEEP_ID,
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: environment.taskQueue,
      args: [],
    });
    printResult(options.json, result, () =>
      [
        `${result.pending} jobs of ours go on at the provider; ${result.cancelled.length} had no run and were cancelled.`,
        ...result.cancelled.map(({ jobId, workflowId }) => `  ${jobId} of ${workflowId}`),
        ...result.failed.map((reason) => `  not asked: ${reason}`),
      ].join('\n'),
    );
    return result.failed.length > 0 ? EXIT.runFailed : EXIT.ok;
  });
}
