import { Context } from '@temporalio/activity';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { type ReserveInput, reserveUpdate, type SettleInput, settleUpdate, WORKFLOWS } from '../contract/messages.ts';
import { TuneloopError } from '../errors.ts';
import type { Dependencies } from './support/dependencies.ts';

/** Longer than an update takes, and shorter than the attempt: an account that does not answer is asked again. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Holds back money in the account of a month, which is opened by the first question. */
export function createReserveBudget({ temporal, monthlyBudgetUsd }: Dependencies) {
  return async ({
    account,
    id,
    usd,
    mandatory = false,
  }: {
    account: string;
    id: string;
    usd: number;
    /** Whether the cost has arisen already, so that it counts even beyond the cap. */
    mandatory?: boolean;
  }): Promise<{ refused: string | null }> => {
    if (monthlyBudgetUsd === null) {
      throw new TuneloopError(
        'BUDGET_EXCEEDED',
        'this run was planned under a monthly budget, and this worker has none: set TUNELOOP_MONTHLY_BUDGET_USD for every worker',
      );
    }
    const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOWS.monthlyBudget, {
      workflowId: account,
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: Context.current().info.taskQueue,
      args: [],
      staticSummary: 'the spending of all runs in this month',
    });
    const input: ReserveInput = { id, usd, capUsd: mandatory ? null : monthlyBudgetUsd };
    const refused = await temporal.withDeadline(Date.now() + ANSWER_TIMEOUT_MS, () =>
      temporal.workflow.executeUpdateWithStart(reserveUpdate, {
        startWorkflowOperation,
        args: [input],
        updateId: `reserve/${id}`,
      }),
    );
    return { refused };
  };
}

/** Books the cost of a piece of work in the account of a month. */
export function createSettleBudget({ temporal }: Dependencies) {
  return async ({ account, id, usd }: { account: string; id: string; usd: number | null }): Promise<void> => {
    const input: SettleInput = { id, usd };
    await temporal.withDeadline(Date.now() + ANSWER_TIMEOUT_MS, () =>
      temporal.workflow.getHandle(account).executeUpdate(settleUpdate, { args: [input], updateId: `settle/${id}` }),
    );
  };
}
