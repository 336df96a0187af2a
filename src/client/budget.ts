import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Environment } from '../config/environment.ts';
import { monthlyBudgetId, ORPHAN_SWEEP_ID } from '../contract/ids.ts';
import { spendingQuery, WORKFLOWS } from '../contract/messages.ts';
import type { MonthlySpending } from '../core/run/monthly-spending.ts';
import type { SweepResult } from '../core/run/sweep-result.ts';
import type { TuneloopSession } from './session.ts';

/** The spending of all runs in a calendar month (UTC), in USD. */
export interface MonthlyBudget extends MonthlySpending {
  /** For example `budget/2026-11`. */
  account: string;
  /** Their common limit, as set for this process; null for no cap. */
  capUsd: number | null;
}

/** The money of all runs together. */
export class BudgetClient {
  readonly #session: TuneloopSession;

  constructor(session: TuneloopSession) {
    this.#session = session;
  }

  /** The amounts that the runs of this month have spent and reserved; 0 before the first reservation. */
  async get(): Promise<MonthlyBudget> {
    return monthlyBudget(await this.#session.client(), this.#session.environment);
  }

  /** Cancels orphaned jobs at the provider. Needs a running worker. */
  async sweep(): Promise<SweepResult> {
    const client = await this.#session.client();
    return client.workflow.execute(WORKFLOWS.orphanSweep, {
      workflowId: ORPHAN_SWEEP_ID,
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: this.#session.environment.taskQueue,
      args: [],
    });
  }
}

async function monthlyBudget(client: Client, { monthlyBudgetUsd }: Environment): Promise<MonthlyBudget> {
  const account = monthlyBudgetId(new Date());
  const spending = await client.workflow
    .getHandle(account)
    .query(spendingQuery)
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return { spentUsd: 0, reservedUsd: 0 };
      throw error;
    });
  return { account, ...spending, capUsd: monthlyBudgetUsd };
}
