import { usdText } from '../core/text/format.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { withSession } from './session.ts';

interface JsonOption {
  json?: boolean;
}

/** `budget`: the spending of this month's runs under TUNELOOP_MONTHLY_BUDGET_USD. */
export function budget(options: JsonOption): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    const month = await tuneloop.budget.get();
    const { account, spentUsd, reservedUsd, capUsd } = month;
    printResult(options.json, month, () =>
      [
        `${account.replace('budget/', '')}: ${usdText(spentUsd)} spent, ${usdText(reservedUsd)} reserved`,
        capUsd === null ? 'no cap here: set TUNELOOP_MONTHLY_BUDGET_USD for the worker' : `of ${usdText(capUsd)}`,
      ].join(', '),
    );
    return EXIT.ok;
  });
}

/** `sweep`: cancels orphaned jobs, and removes orphaned serving leases. */
export function sweep(options: JsonOption): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    const result = await tuneloop.budget.sweep();
    printResult(options.json, result, () =>
      [
        `${result.pending} jobs of ours are pending at the provider; ${result.cancelled.length} had no run and were cancelled.`,
        ...result.cancelled.map(({ jobId, workflowId }) => `  ${jobId} of ${workflowId}`),
        ...result.removed.map((lease) => `  serving lease ${lease}: nobody needed it, and it was removed`),
        ...result.failed.map((reason) => `  not asked: ${reason}`),
      ].join('\n'),
    );
    return result.failed.length > 0 ? EXIT.runFailed : EXIT.ok;
  });
}
