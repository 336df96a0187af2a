import { WorkflowFailedError } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createReserveBudget, createSettleBudget } from '../../src/activities/monthly-budget.ts';
import type { Dependencies } from '../../src/activities/support/dependencies.ts';
import { type RunHandle, type RunJson, runJson } from '../../src/client/runs.ts';
import { monthlyBudgetId } from '../../src/contract/ids.ts';
import { spendingQuery, WORKFLOWS } from '../../src/contract/messages.ts';
import { connectProvider } from '../../src/providers/connect.ts';
import { FileStore } from '../../src/stores/file-store.ts';
import { spending } from '../chaos/oracles.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { STACK_PRICES, Stack } from '../setup/stack.ts';
import { command, jobsOf } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

/** The most that all runs of this file together may spend. */
const MONTH_USD = 0.25;
const SIX = { models: ['local-nano', 'local-mini', 'local-base'], learning_rate_multiplier: [0.5, 1], epochs: 2 };

describe('money has a cap', () => {
  let stack: Stack;
  let runs = 0;

  beforeAll(async () => {
    stack = await Stack.start({ workerEnv: { TUNELOOP_MONTHLY_BUDGET_USD: `${MONTH_USD}` } });
  });
  afterAll(() => stack.stop());

  const startRun = (changes: object): Promise<RunHandle> => {
    runs += 1;
    return stack.startRun(
      stack.writePipeline(`budget-${runs}`, shopRows(90), { candidates: SIX, split: { seed: runs }, ...changes }),
    );
  };
  const ended = async (run: RunHandle): Promise<RunJson> => {
    await run.result().catch((error: unknown) => {
      if (!(error instanceof WorkflowFailedError)) throw error;
    });
    return runJson(run);
  };
  /** The true cost of each run, by the trainer's own records. */
  const truth = async (): Promise<Map<string, number>> => {
    const entries = stack.ledger();
    const jobs = (await stack.jobs()).map(({ id, fine_tuned_model: model, metadata }) => {
      const owner = metadata?.tuneloop_job ?? '';
      return { id, runId: owner.slice(0, owner.lastIndexOf('/')), model };
    });
    return spending(entries, jobs, STACK_PRICES);
  };
  /** As the activity runs in a worker. */
  const activityOf = (monthlyBudgetUsd: number | null) => {
    const dependencies: Dependencies = {
      artifacts: new FileStore(stack.home),
      home: stack.home,
      prices: STACK_PRICES,
      connectProvider,
      temporal: stack.client,
      monthlyBudgetUsd,
      log: pino({ level: 'silent' }),
    };
    const environment = () => new MockActivityEnvironment({ taskQueue: 'tuneloop' });
    return {
      reserve: (input: { account: string; id: string; usd: number }) =>
        environment().run(createReserveBudget(dependencies), input) as Promise<{ refused: string | null }>,
      settle: (input: { account: string; id: string; usd: number | null }) =>
        environment().run(createSettleBudget(dependencies), input),
    };
  };
  const spent = (account: string) => stack.client.workflow.getHandle(account).query(spendingQuery);

  test('F35 twenty reservations of the last dollar at the same time: exactly one gets it', async () => {
    const { reserve, settle } = activityOf(10);
    const account = 'budget/last-dollar';
    expect(await reserve({ account, id: 'before', usd: 9 })).toEqual({ refused: null });
    await settle({ account, id: 'before', usd: 9 });
    // The server takes a few Updates of one workflow at a time; an activity that it turns away is tried again.
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        for (;;) {
          try {
            return await reserve({ account, id: `run-${index}`, usd: 1 });
          } catch (error) {
            if (!/limit|exhausted/i.test(`${error} ${(error as Error).cause}`)) throw error;
          }
        }
      }),
    );
    expect(answers.filter(({ refused }) => refused === null)).toHaveLength(1);
    for (const { refused } of answers) if (refused !== null) expect(refused).toMatch(/needs .*1.*; of .*10/);
    expect(await spent(account)).toEqual({ spentUsd: 9, reservedUsd: 1 });
  });

  test('F35 a reservation whose answer was lost is asked for again, and money is held back once', async () => {
    const { reserve, settle } = activityOf(10);
    const account = 'budget/lost-answer';
    const input = { account, id: 'run/training of a/1', usd: 6 };
    expect([await reserve(input), await reserve(input)]).toEqual([{ refused: null }, { refused: null }]);
    expect(await spent(account)).toEqual({ spentUsd: 0, reservedUsd: 6 });
    await settle({ account, id: input.id, usd: 5 });
    await settle({ account, id: input.id, usd: 5 });
    expect(await spent(account)).toEqual({ spentUsd: 5, reservedUsd: 0 });
  });

  test('F36 a worker without a cap reserves nothing for a run that was planned under one', async () => {
    const account = 'budget/no-cap';
    // The mock's worker logs the planned failure.
    const log = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(
      activityOf(null)
        .reserve({ account, id: 'a', usd: 1 })
        .finally(() => log.mockRestore()),
    ).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
    });
  });

  test('F36 the account of the month does not answer: no job is created, and the run continues when it does', async () => {
    const account = monthlyBudgetId(new Date());
    // It exists, and no worker works for it.
    const deaf = await stack.client.workflow.start(WORKFLOWS.monthlyBudget, {
      workflowId: account,
      taskQueue: 'nobody',
      args: [],
    });
    const before = stack.ledger().length;
    const run = await startRun({ candidates: { ...SIX, models: ['local-nano'], learning_rate_multiplier: 1 } });
    const attempts = async () =>
      (await run.describe()).raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'reserveBudget')
        ?.attempt ?? 0;
    await until(async () => (await attempts()) >= 2, 'a second attempt to reserve');
    // Nothing at all, because files come after the first reservation too.
    expect(stack.ledger().slice(before)).toEqual([]);
    await deaf.terminate();
    expect(await ended(run)).toMatchObject({ status: 'completed' });
    expect(await jobsOf(stack, run.workflowId)).toHaveLength(1);
    const { spentUsd, reservedUsd } = await spent(account);
    expect(reservedUsd).toBeCloseTo(0, 9);
    expect(spentUsd).toBeCloseTo((await truth()).get(run.workflowId) ?? 0, 9);
  });

  test('F35 a budget that pays for some of the candidates: the others are skipped and named, and the budget is kept', async () => {
    const budget = 0.07;
    const run = await ended(await startRun({ budget_usd: budget }));
    expect(run.status).toBe('completed');
    const skipped = run.candidates?.filter(({ status }) => status === 'skipped') ?? [];
    const trained = run.candidates?.filter(({ status }) => status === 'succeeded') ?? [];
    expect(skipped.length).toBeGreaterThan(0);
    expect(trained.length).toBeGreaterThan(0);
    expect(skipped.length + trained.length).toBe(6);
    for (const { id, reason, jobId } of skipped) {
      expect(reason).toContain(`BUDGET_EXCEEDED: training of ${id} needs`);
      expect(jobId).toBeNull();
    }
    expect(await jobsOf(stack, run.runId)).toHaveLength(trained.length);
    const usd = (await truth()).get(run.runId) ?? 0;
    expect(usd).toBeGreaterThan(0);
    expect(usd).toBeLessThanOrEqual(budget);
    // The run's own figures are true.
    expect(run.spent?.usd).toBeCloseTo((await truth()).get(run.runId) ?? 0, 9);
  });

  test('F35 two runs want the rest of the month’s budget: together they never exceed it', async () => {
    const both = await Promise.all([startRun({}), startRun({})]);
    const results = await Promise.all(both.map(ended));
    const all = await truth();
    const total = [...all.values()].reduce((sum, usd) => sum + usd, 0);
    expect(total).toBeLessThanOrEqual(MONTH_USD);
    // One of them at least found the money used up by the other one.
    const refusals = results.flatMap(({ candidates = [], error }) => [
      ...(error ? [error.message] : []),
      ...candidates.filter(({ status }) => status === 'skipped').map(({ reason }) => reason ?? ''),
    ]);
    expect(refusals.length).toBeGreaterThan(0);
    for (const refusal of refusals) expect(refusal).toMatch(/monthly budget/);
    // The reservation of one of them paid for its work.
    expect(results.filter(({ status }) => status === 'completed').length).toBeGreaterThan(0);
    const { spentUsd, reservedUsd } = await spent(monthlyBudgetId(new Date()));
    expect(spentUsd + reservedUsd).toBeLessThanOrEqual(MONTH_USD + 1e-9);
    const booked = [...(await truth()).values()].reduce((sum, usd) => sum + usd, 0);
    expect(spentUsd).toBeGreaterThanOrEqual(booked - 1e-9);
    const { stdout } = await command(stack, 'budget');
    expect(stdout).toMatch(/spent, .* reserved/);
  });
});
