import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { reserveUpdate, settleUpdate, spendingQuery } from '../contract/messages.ts';
import { Account, type AccountState } from '../core/run/account.ts';
import type { MonthlySpending } from '../core/run/monthly-spending.ts';
import { usdText } from '../core/text/format.ts';

/** After the end of its month an account still books the costs of late jobs for this time, and then ends. */
const LIFETIME = '62 days';

/**
 * The spending of all pipelines in one month. Reservations come one after another through this workflow, so that only one of two runs gets
 * the last dollar.
 */
export async function monthlyBudget(state?: AccountState): Promise<MonthlySpending> {
  const account = new Account(state);
  const spending = () => ({ spentUsd: account.spentUsd, reservedUsd: account.reservedUsd });
  const show = () =>
    setCurrentDetails(`${usdText(account.spentUsd)} spent, ${usdText(account.reservedUsd)} reserved for ongoing work`);
  setHandler(
    reserveUpdate,
    ({ id, usd, capUsd }) => {
      const refusal = account.reserve(id, usd, capUsd);
      show();
      return refusal;
    },
    { description: 'Holds money back before paid work starts' },
  );
  setHandler(
    settleUpdate,
    ({ id, usd }) => {
      account.settle(id, usd);
      show();
    },
    { description: 'Books what paid work has cost' },
  );
  setHandler(spendingQuery, spending, { description: 'USD spent and held back in this month' });
  show();
  const long = await condition(() => workflowInfo().continueAsNewSuggested, LIFETIME);
  await condition(allHandlersFinished);
  if (long) return continueAsNew<typeof monthlyBudget>(account.state);
  return spending();
}
