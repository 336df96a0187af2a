import { CancelledFailure, WorkflowFailedError } from '@temporalio/client';
import OpenAI from 'openai';
import type { FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import type { RunHandle } from '../../src/client/runs.ts';
import { orphanSweepScheduleId } from '../../src/contract/ids.ts';
import type { SweepResult } from '../../src/core/run/sweep-result.ts';
import { lastJson, until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { command, executed, jobsOf, providerOf, statuses } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const EIGHT = { models: ['local-nano', 'local-mini'], learning_rate_multiplier: [0.5, 1, 1.5, 2], epochs: 1 };
const TWO = { models: ['local-nano', 'local-mini'], learning_rate_multiplier: 1, epochs: 1 };
const ENDED = new Set(['succeeded', 'failed', 'cancelled']);

describe('a run that does not end by itself', () => {
  let stack: Stack;
  let runs = 0;
  let file = '';

  beforeAll(async () => {
    // Longer than any of these tests: a job that is not cancelled keeps running.
    stack = await Stack.start({ jobSeconds: 600 });
  });
  afterAll(() => stack.stop());
  beforeEach(() => stack.setFaults([]));

  const startRun = (candidates: object): Promise<RunHandle> => {
    runs += 1;
    file = stack.writePipeline(`cancel-${runs}`, shopRows(60), { candidates });
    return stack.startRun(file);
  };
  const expectCancelled = async (run: RunHandle) => {
    const error: unknown = await run.result().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
  };
  const pendingJobs = async () => (await stack.jobs()).filter(({ status }) => !ENDED.has(status));

  test('F23 a run with eight live jobs is cancelled: it ends as cancelled, and not before all eight jobs have', async () => {
    const run = await startRun(EIGHT);
    await until(async () => (await jobsOf(stack, run.workflowId)).length === 8, 'eight jobs');
    await run.cancel();
    await expectCancelled(run);
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(Array(8).fill('cancelled'));
  });

  test.each<[string, FaultRule[]]>([
    ['is executed and hangs', [{ endpoint: 'jobs.create', effect: { kind: 'execute_then_hang', seconds: 3 } }]],
    [
      'is executed after that, and neither answered nor listed at first',
      [
        { endpoint: 'jobs.create', effect: { kind: 'latency', ms: 2000 } },
        { endpoint: 'jobs.create', effect: { kind: 'execute_then_reset' } },
        { endpoint: 'jobs.list', effect: { kind: 'list_lag', seconds: 2 } },
      ],
    ],
  ])(
    'F24 cancelled while the creation of its jobs %s: they are cancelled although no id was returned',
    async (_name, rules) => {
      await stack.setFaults(rules);
      const before = stack.ledger().length;
      const run = await startRun(TWO);
      await until(async () => (await stack.faults())[0]?.matched === 2, 'two creations');
      await run.cancel();
      await expectCancelled(run);
      expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['cancelled', 'cancelled']);
      // No second request followed: not from another attempt, and not from the cancellation.
      expect(executed(stack.ledger().slice(before), 'jobs.create')).toHaveLength(2);
    },
  );

  test('F24 cancelled while its worker is dead in the middle of a step: it ends as cancelled, and not as failed', async () => {
    await stack.setFaults([{ endpoint: 'files.create', effect: { kind: 'execute_then_hang' } }]);
    const before = stack.ledger().length;
    const run = await stack.startRun(stack.writePipeline('cancel-dead', shopRows(66), { candidates: TWO }));
    await until(() => executed(stack.ledger().slice(before), 'files.create').length === 2, 'two uploads');
    await stack.killWorker();
    await run.cancel();
    await stack.startWorker();
    await expectCancelled(run);
  });

  test('F24 cancelled, and the worker that sent the creations is killed: the jobs are cancelled though no process knew their ids', async () => {
    await stack.setFaults([{ endpoint: 'jobs.create', effect: { kind: 'execute_then_hang' } }]);
    const before = stack.ledger().length;
    const run = await startRun(TWO);
    await until(() => executed(stack.ledger().slice(before), 'jobs.create').length === 2, 'two creations');
    await run.cancel();
    expect(await stack.killWorker()).toBe(true);
    await stack.startWorker();
    await expectCancelled(run);
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['cancelled', 'cancelled']);
    expect(executed(stack.ledger().slice(before), 'jobs.create')).toHaveLength(2);
  });

  test('F25 the cancel API fails three times: the cancellation is repeated until the job has ended', async () => {
    const run = await startRun({ models: ['local-nano'], learning_rate_multiplier: 1, epochs: 1 });
    await until(async () => (await jobsOf(stack, run.workflowId)).length === 1, 'a job');
    await stack.setFaults([
      { endpoint: 'jobs.cancel', calls: [1, 2], effect: { kind: 'status', status: 500 } },
      // A refusal as well: until a person has put the key right, the job costs money.
      { endpoint: 'jobs.cancel', calls: [3], effect: { kind: 'status', status: 401, code: 'invalid_api_key' } },
    ]);
    await run.cancel();
    await expectCancelled(run);
    expect((await stack.faults()).map(({ fired }) => fired)).toEqual([2, 1]);
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['cancelled']);
  });

  describe('F26 terminated', () => {
    /** A run that was terminated with all of its candidates, so that no workflow is left to cancel a job. */
    const orphan = async () => {
      const run = await startRun(TWO);
      await until(async () => (await jobsOf(stack, run.workflowId)).length === 2, 'two jobs');
      const candidates = (await jobsOf(stack, run.workflowId)).map(({ metadata }) => metadata?.tuneloop_job ?? '');
      await Promise.all([...candidates, run.workflowId].map((id) => stack.client.workflow.getHandle(id).terminate()));
      return run;
    };

    test('`tuneloop sweep` cancels and names the jobs of a terminated run; jobs of open runs stay', async () => {
      const open = await startRun({ models: ['local-nano'], learning_rate_multiplier: 2, epochs: 1 });
      await until(async () => (await jobsOf(stack, open.workflowId)).length === 1, 'a job');
      const run = await orphan();
      expect(await pendingJobs()).toHaveLength(3);
      const ended = await command(stack, 'sweep', '--json');
      expect(ended.code).toBe(0);
      const result = lastJson<SweepResult>(ended);
      const jobs = await jobsOf(stack, run.workflowId);
      expect(result).toMatchObject({ pending: 3, failed: [] });
      expect(result.cancelled.map(({ jobId }) => jobId).sort()).toEqual(jobs.map(({ id }) => id).sort());
      for (const { workflowId } of result.cancelled) expect(workflowId).toContain(`${run.workflowId}/`);
      expect(statuses(jobs)).toEqual(['cancelled', 'cancelled']);
      expect(statuses(await jobsOf(stack, open.workflowId))).not.toContain('cancelled');
      await open.cancel();
      await expectCancelled(open);
    });

    test('a worker makes sure that orphaned jobs are looked for every ten minutes, and that look cancels them too', async () => {
      const schedule = stack.client.schedule.getHandle(orphanSweepScheduleId('tuneloop'));
      const { spec, policies, state } = await schedule.describe();
      expect(state.paused).toBe(false);
      expect(spec.intervals).toMatchObject([{ every: 10 * 60_000 }]);
      expect(policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 60_000 });
      const run = await orphan();
      await schedule.trigger();
      await until(async () => (await pendingJobs()).length === 0, 'no job that goes on');
      expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['cancelled', 'cancelled']);
    });

    test('the candidates of a run that alone is terminated hear of it and cancel their jobs themselves', async () => {
      const run = await startRun(TWO);
      await until(async () => (await jobsOf(stack, run.workflowId)).length === 2, 'two jobs');
      await run.terminate();
      await until(async () => (await pendingJobs()).length === 0, 'no job that goes on');
      expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['cancelled', 'cancelled']);
    });

    test('a job of an unknown workflow is left alone, because another server may wait for it', async () => {
      const run = await orphan();
      const [ours] = await jobsOf(stack, run.workflowId);
      if (!ours) throw new Error('no job');
      const openai = new OpenAI({ baseURL: providerOf(file).baseURL, apiKey: 'any', maxRetries: 0 });
      const create = (metadata: Record<string, string>) =>
        openai.fineTuning.jobs.create({ model: 'local-nano', training_file: ours.training_file, metadata });
      const foreign = await create({
        tuneloop_pipeline: 'elsewhere',
        tuneloop_job: 'elsewhere/run/candidate',
        tuneloop_execution: '5b2c1f7e-0000-4000-8000-000000000000',
      });
      // The workflow has the name of one of ours, and was another server's execution.
      const namesake = await create({
        ...ours.metadata,
        tuneloop_execution: '5b2c1f7e-0000-4000-8000-000000000001',
      });
      // Somebody uses the same account for something else.
      const unlabelled = await create({ team: 'search' });
      const result = lastJson<SweepResult>(await command(stack, 'sweep', '--json'));
      expect(result.cancelled).toHaveLength(2);
      expect(result.cancelled.map(({ workflowId }) => workflowId).join()).toContain(run.workflowId);
      const pending = (await pendingJobs()).map(({ id }) => id);
      expect(pending.sort()).toEqual([foreign.id, namesake.id, unlabelled.id].sort());
      for (const { id } of [foreign, namesake, unlabelled]) await openai.fineTuning.jobs.cancel(id);
    });
  });
});
