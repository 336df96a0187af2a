import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { WorkflowFailedError, WorkflowHandle } from '@temporalio/client';
import OpenAI from 'openai';
import type { FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import { type RunJson, runJson } from '../../src/client/runs.ts';
import { innermost } from '../../src/workflows/steps/failure-reason.ts';
import { spending } from '../chaos/oracles.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { STACK_PRICES, Stack } from '../setup/stack.ts';
import { command, executed, jobsOf, providerOf, statuses } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

type JobStatus = { kind: 'job_status'; status: string; error?: { code: string; message: string } };

describe('a job does not end as hoped', () => {
  let stack: Stack;
  let runs = 0;
  let file = '';

  beforeAll(async () => {
    stack = await Stack.start();
  });
  afterAll(() => stack.stop());
  beforeEach(() => stack.setFaults([]));

  /** A run of this many candidates. */
  const startRun = (candidates: number, changes: object = {}) => {
    runs += 1;
    const rates = Array.from({ length: candidates }, (_, index) => 0.5 + index / 2);
    file = stack.writePipeline(`waiting-${runs}`, shopRows(60), {
      candidates: { models: ['local-nano'], learning_rate_multiplier: rates, epochs: 1 },
      budget_usd: 5,
      ...changes,
    });
    return stack.startRun(file);
  };
  /** The jobs that are created first show these statuses, in this order. */
  const show = (...effects: JobStatus[]) =>
    stack.setFaults(
      effects.map((effect, index): FaultRule => ({ endpoint: 'jobs.create', calls: [index + 1], effect })),
    );
  const ended = async (run: WorkflowHandle): Promise<RunJson> => {
    await run.result();
    return runJson(run);
  };
  /** Lost candidates, with the present state of their jobs at the provider. */
  const lost = async ({ runId, candidates = [] }: RunJson) => {
    const jobs = await jobsOf(stack, runId);
    return candidates
      .filter(({ status }) => status !== 'succeeded')
      .map(({ jobId, status, reason, trainingUsd }) => {
        return { jobId, status, reason, trainingUsd, at: jobs.find(({ id }) => id === jobId)?.status };
      });
  };
  const workerLog = () => readFileSync(path.join(stack.home, 'logs', 'worker.log'), 'utf8');

  test('F13 F15 stuck jobs, one in each phase and two in a status that is no phase: deadline, cancel, named failure, money released', async () => {
    await show(
      { kind: 'job_status', status: 'validating_files' },
      { kind: 'job_status', status: 'queued' },
      { kind: 'job_status', status: 'running' },
      { kind: 'job_status', status: 'paused' },
      { kind: 'job_status', status: 'melting' },
    );
    const start = performance.now();
    const run = await ended(
      await startRun(6, { deadlines: { validating_minutes: 0.05, queued_minutes: 0.1, running_minutes: 0.15 } }),
    );
    const candidates = await lost(run);
    expect(candidates.map(({ at }) => at)).toEqual(Array(5).fill('cancelled'));
    expect(candidates.map(({ status }) => status)).toEqual(Array(5).fill('failed'));
    const deadline = /^JOB_DEADLINE: ftjob-\w+ has been (\w+) for .*, longer than deadlines\.(\w+)_minutes allows$/;
    const missed = candidates.map(({ reason }) => deadline.exec(reason ?? '')?.slice(1) ?? [reason]);
    expect(missed.sort()).toEqual([
      ['melting', 'running'],
      ['paused', 'running'],
      ['queued', 'queued'],
      ['running', 'running'],
      ['validating_files', 'validating'],
    ]);
    // The longest deadline has passed, and not much more.
    expect(performance.now() - start).toBeGreaterThan(9000);
    expect(performance.now() - start).toBeLessThan(40_000);
    // The one that got on has won.
    const winner = run.candidates?.find(({ status }) => status === 'succeeded');
    expect(run.winner).toBe(winner?.id);
    // A job that had not begun to train cost nothing. The cost of a cancelled training is unknown: all of it counts.
    const costs = Object.fromEntries(
      candidates.map(({ reason, trainingUsd }) => [/been (\w+)/.exec(reason ?? '')?.[1], trainingUsd]),
    );
    expect(costs).toEqual({ validating_files: 0, queued: 0, running: null, paused: null, melting: null });
    // An unknown status is reported; one of the protocol is not.
    expect(workerLog()).toMatch(/"status":"melting".*an unknown status counts as running/);
    expect(workerLog()).not.toMatch(/"status":"paused".*unknown status/);
  });

  test('F15 an unknown status that passes is waited for', async () => {
    await show({ kind: 'job_status', status: 'resuming' });
    const run = await startRun(1);
    await until(() => /"status":"resuming".*unknown status/.test(workerLog()), 'a warning');
    await stack.setFaults([]);
    expect(await ended(run)).toMatchObject({ status: 'completed', winner: expect.any(String) });
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['succeeded']);
  });

  test('F14 jobs fail, or are cancelled at the provider: these candidates are lost, and the other one wins', async () => {
    await show(
      { kind: 'job_status', status: 'failed', error: { code: 'server_error', message: 'the GPU is on fire' } },
      { kind: 'job_status', status: 'running' },
    );
    const handle = await startRun(3);
    let running: string[] = [];
    await until(async () => {
      const jobs = await jobsOf(stack, handle.workflowId);
      running = jobs.filter(({ status }) => status === 'running').map(({ id }) => id);
      return running.length === 1 && jobs.some(({ status }) => status === 'succeeded');
    }, 'one job that goes on and one that has succeeded');
    // Somebody else, with the provider's own tools.
    const openai = new OpenAI({ baseURL: providerOf(file).baseURL, apiKey: 'any', maxRetries: 0 });
    await openai.fineTuning.jobs.cancel(running[0] ?? '');
    const run = await ended(handle);
    const candidates = await lost(run);
    expect(candidates).toHaveLength(2);
    expect(candidates).toContainEqual(
      expect.objectContaining({
        status: 'failed',
        at: 'failed',
        reason: 'server_error: the GPU is on fire',
        trainingUsd: 0,
      }),
    );
    expect(candidates).toContainEqual(
      expect.objectContaining({ status: 'cancelled', at: 'cancelled', reason: 'cancelled at the provider' }),
    );
    expect(run.candidates?.find(({ id }) => id === run.winner)?.status).toBe('succeeded');
  });

  test('F14 all jobs fail: the run fails with their reasons, wins nothing and evaluates nothing', async () => {
    await stack.setFaults([
      {
        endpoint: 'jobs.create',
        effect: { kind: 'job_status', status: 'failed', error: { code: 'invalid_training_file', message: 'no rows' } },
      },
    ]);
    const before = stack.ledger().length;
    const run = await startRun(2);
    const failure: unknown = await run.result().catch(({ cause }: WorkflowFailedError) => innermost(cause));
    expect(failure).toMatchObject({
      type: 'ALL_CANDIDATES_FAILED',
      message: expect.stringContaining('invalid_training_file: no rows'),
    });
    expect(executed(stack.ledger().slice(before), 'chat')).toEqual([]);
    expect((await command(stack, 'report', run.workflowId)).code).toBe(4);
  });

  test('F16 models cannot be called yet although their jobs have succeeded: they are waited for, then evaluated', async () => {
    const seconds = 4;
    await stack.setFaults([
      { endpoint: 'jobs.create', calls: [1], effect: { kind: 'model_ready_after', seconds, status: 404 } },
      { endpoint: 'jobs.create', calls: [2], effect: { kind: 'model_ready_after', seconds, status: 429 } },
      { endpoint: 'jobs.create', calls: [3], effect: { kind: 'model_ready_after', seconds, null_model: true } },
      // Of a server that does not say that it is still loading.
      { endpoint: 'chat', calls: [1], effect: { kind: 'status', status: 404, code: 'model_not_found' } },
    ]);
    const before = stack.ledger().length;
    const run = await ended(await startRun(3));
    expect(run.candidates?.map(({ status, reason }) => [status, reason])).not.toContainEqual([
      'failed',
      expect.anything(),
    ]);
    for (const { validation } of run.candidates ?? []) expect(validation?.n).toBeGreaterThan(0);
    const entries = stack.ledger().slice(before);
    for (const { fine_tuned_model: model, id } of await jobsOf(stack, run.runId)) {
      const succeeded = entries.find(
        (entry) => entry.kind === 'job' && entry.job === id && entry.status === 'succeeded',
      );
      const answers = executed(entries, 'chat').filter((entry) => entry.model === model);
      expect(answers.length).toBeGreaterThan(0);
      expect((answers[0]?.at ?? 0) - (succeeded?.at ?? 0)).toBeGreaterThanOrEqual(seconds * 1000);
    }
  });

  test('F16 models that are never ready: lost candidates when the deadline has passed, and paid for', async () => {
    await stack.setFaults([
      { endpoint: 'jobs.create', calls: [1], effect: { kind: 'model_ready_after', seconds: 600 } },
      { endpoint: 'jobs.create', calls: [2], effect: { kind: 'model_ready_after', seconds: 600, null_model: true } },
    ]);
    const before = stack.ledger().length;
    const run = await ended(await startRun(3, { deadlines: { ready_minutes: 0.1 } }));
    const candidates = await lost(run);
    expect(candidates).toHaveLength(2);
    for (const { reason, status, trainingUsd, at } of candidates) {
      expect(reason).toMatch(/^MODEL_NOT_READY: \S+ has been (not ready|succeeded) for .*deadlines\.ready_minutes/);
      expect(status).toBe('failed');
      expect(at).toBe('succeeded');
      expect(trainingUsd).toBeGreaterThan(0);
    }
    expect(run.candidates?.find(({ id }) => id === run.winner)?.status).toBe('succeeded');
    // The run's own cost equals the trainer's, short questions whether a model answers included.
    await stack.setFaults([]);
    const jobs = (await jobsOf(stack, run.runId)).map(({ id, fine_tuned_model: model }) => ({
      id,
      runId: run.runId,
      model,
    }));
    const entries = stack.ledger().slice(before);
    expect(run.spent?.usd).toBeCloseTo(spending(entries, jobs, STACK_PRICES).get(run.runId) ?? 0, 9);
  });
});
