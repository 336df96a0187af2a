import path from 'node:path';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import type { FineTuningJob } from 'openai/resources/fine-tuning/jobs/jobs';
import { pino } from 'pino';
import { createActivities } from '../../src/activities/create-activities.ts';
import { jobIdentity } from '../../src/activities/support/job-input.ts';
import { jobWorkflowId } from '../../src/contract/ids.ts';
import { stopSignal, WORKFLOWS, wakeSignal } from '../../src/contract/messages.ts';
import { JOB } from '../../src/contract/search-attributes.ts';
import type { JobHeartbeat } from '../../src/core/run/job-heartbeat.ts';
import type { JobInput } from '../../src/core/run/job-input.ts';
import type { JobOutcome } from '../../src/core/run/job-outcome.ts';
import { DATA_CONVERTER } from '../../src/worker/connection.ts';
import { localTrainerAt, providerAt } from '../providers/provider-at.ts';
import { ActivityBench, failureOf } from '../setup/activity-bench.ts';
import { until } from '../setup/cli.ts';
import { type HistoryJson, lintHistory } from '../setup/history-lint.ts';
import { STACK_PRICES } from '../setup/stack.ts';
import type { fineTuningJob, SweepInput, SweepResult, sweepOfJobs } from './sweep-of-jobs.ts';

jest.setTimeout(120_000);

const EPOCHS = 4;
const RESERVE = { trainingUsd: 3, evaluationUsd: 2 };

let server: TestWorkflowEnvironment;
let workflowBundle: WorkflowBundle;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const cli = process.env.TEMPORAL_CLI;
  if (!cli) throw new Error('the setup of the tests names the server in TEMPORAL_CLI');
  server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: cli }, searchAttributes: [JOB] },
    client: { dataConverter: DATA_CONVERTER },
  });
  // Once for all workers: bundling takes each of them seconds.
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: path.join(import.meta.dirname, 'sweep-of-jobs.ts'),
    ...DATA_CONVERTER,
    logger: new DefaultLogger('WARN'),
  });
});
afterAll(() => server.teardown());

/** A worker for the jobs of one trainer, whose jobs take this many seconds. */
class Jobs {
  readonly bench: ActivityBench;
  readonly activities: ReturnType<typeof createActivities>;
  readonly #worker: Worker;
  readonly #ran: Promise<void>;
  readonly #taskQueue: string;
  static #runs = 0;

  static async start(jobSeconds: number, { local = false }: { local?: boolean } = {}): Promise<Jobs> {
    const bench = await ActivityBench.start({ jobSeconds });
    const provider = local
      ? localTrainerAt(bench.openai.baseURL)
      : providerAt(bench.openai.baseURL, { settlingMs: 300 });
    const activities = createActivities({
      artifacts: bench.artifacts,
      home: '/nonexistent',
      prices: STACK_PRICES,
      connectProvider: () => provider,
      temporal: server.client,
      monthlyBudgetUsd: null,
      log: pino({ level: 'silent' }),
    });
    const taskQueue = `jobs-${jobSeconds}-${local}`;
    const worker = await Worker.create({
      connection: server.nativeConnection,
      taskQueue,
      dataConverter: DATA_CONVERTER,
      workflowBundle,
      activities,
    });
    return new Jobs(bench, activities, worker, taskQueue);
  }

  private constructor(bench: ActivityBench, activities: Jobs['activities'], worker: Worker, taskQueue: string) {
    this.bench = bench;
    this.activities = activities;
    this.#worker = worker;
    this.#taskQueue = taskQueue;
    this.#ran = worker.run();
  }

  async stop(): Promise<void> {
    this.#worker.shutdown();
    await this.#ran;
    await this.bench.stop();
  }

  /** The input of a job of a run that no other test has. */
  newInput(): JobInput {
    Jobs.#runs += 1;
    const { candidate, ...input } = this.bench.jobInput({ runId: `sweep/${Jobs.#runs}` });
    return {
      ...input,
      candidate: { ...candidate, hyperparameters: { ...candidate.hyperparameters, epochs: EPOCHS } },
    };
  }

  /** A run of one candidate. */
  async startSweep(input: JobInput, changes: Partial<SweepInput> = {}) {
    const { candidate, trainingFile, validationFile, generation: _, ...job } = input;
    const sweep: SweepInput = {
      job,
      files: { trainingFile, validationFile },
      candidates: [{ ...candidate, reserve: RESERVE }],
      reportEpochs: true,
      ...changes,
    };
    return server.client.workflow.start<typeof sweepOfJobs>('sweepOfJobs', {
      taskQueue: this.#taskQueue,
      workflowId: input.runId,
      args: [sweep],
    });
  }

  /** A job alone, with a stop before its first step. */
  startStopped(input: JobInput, reason: string) {
    return this.#startSignalled(input, stopSignal, [reason]);
  }

  /** A job alone, that is woken before there is anything to wait for. */
  startWoken(input: JobInput) {
    return this.#startSignalled(input, wakeSignal, []);
  }

  async #startSignalled(input: JobInput, { name }: SignalDefinition<string[]>, signalArgs: string[]) {
    return server.client.workflow.signalWithStart(WORKFLOWS.fineTuningJob, {
      taskQueue: this.#taskQueue,
      workflowId: jobWorkflowId(input.runId, input.candidate.id),
      args: [{ ...input, reportEpochs: false }],
      signal: name,
      signalArgs,
    });
  }

  /** A run whose job is not asked for again within the next ten minutes. */
  async startFarOff(input: JobInput) {
    const effect = { kind: 'status', status: 429, headers: { 'retry-after': '1200' } } as const;
    await this.bench.setFaults({ endpoint: 'jobs.get', effect });
    const run = await this.startSweep(input);
    const child = server.client.workflow.getHandle<typeof fineTuningJob>(
      jobWorkflowId(input.runId, input.candidate.id),
    );
    const farOff = async () => {
      const [polling] = await pendingIn(child.workflowId).catch(() => []);
      const next = Number(polling?.nextAttemptScheduleTime?.seconds ?? 0) * 1000;
      return polling?.activityType?.name === 'awaitJob' && next > Date.now() + 600_000;
    };
    await until(farOff, 'a job that is not asked for soon');
    await this.bench.setFaults();
    return { run, child };
  }

  /** The jobs of a candidate. From the list, which can be had when a job alone cannot. */
  async atProvider(input: JobInput): Promise<FineTuningJob[]> {
    const { data } = await this.bench.openai.fineTuning.jobs.list({ limit: 100 });
    return data.filter(({ metadata }) => metadata?.tuneloop_key === jobIdentity(input).key);
  }

  async untilStatus(input: JobInput, status: FineTuningJob['status']): Promise<void> {
    await until(async () => (await this.atProvider(input))[0]?.status === status, `a job that is ${status}`);
  }
}

async function historyOf(workflowId: string): Promise<HistoryJson> {
  return JSON.parse(historyToJSON(await server.client.workflow.getHandle(workflowId).fetchHistory()));
}

async function pendingIn(workflowId: string) {
  return (await server.client.workflow.getHandle(workflowId).describe()).raw.pendingActivities ?? [];
}

/** The number of activities of a type that a workflow has begun, or whose end it has seen. */
async function countIn(workflowId: string, type: 'SCHEDULED' | 'FAILED', activity: string): Promise<number> {
  const { events } = await historyOf(workflowId);
  const begun = events.filter((event) => JSON.stringify(event).includes(`"name":"${activity}"`));
  if (type === 'SCHEDULED') return begun.length;
  return events.filter(({ eventType }) => eventType === 'EVENT_TYPE_ACTIVITY_TASK_FAILED').length;
}

async function outcomeOf(
  run: WorkflowHandleWithFirstExecutionRunId<typeof sweepOfJobs>,
): Promise<SweepResult & { outcome: JobOutcome }> {
  const result = await run.result();
  const [first] = result.trained;
  if (!first) throw new Error('nothing was trained');
  return { ...result, outcome: first.job };
}

describe('a job that goes on for long', () => {
  let jobs: Jobs;
  beforeAll(async () => {
    jobs = await Jobs.start(600);
  });
  afterAll(() => jobs.stop());
  beforeEach(() => jobs.bench.setFaults());

  test('a long job is stopped: cancelled at the provider, booked once, and no failure of the run', async () => {
    const input = jobs.newInput();
    const { id } = input.candidate;
    const run = await jobs.startSweep(input);
    await jobs.untilStatus(input, 'running');
    await run.signal('stopCandidate', id, 'behind the others');
    // A second word changes nothing. Signals that a workflow sends at once may arrive in either order.
    await run.signal('stopCandidate', id, 'too late');
    const { outcome, stages, spentUsd, trained, running } = await outcomeOf(run);
    const [job, ...others] = await jobs.atProvider(input);
    expect(others).toEqual([]);
    expect(job?.status).toBe('cancelled');
    expect(outcome).toEqual({
      state: 'stopped',
      jobId: job?.id,
      reason: expect.stringMatching(/^(behind the others|too late)$/),
      // Documented nowhere: the whole reservation counts, and that of the evaluation is given back.
      trainingUsd: null,
    });
    expect(spentUsd).toBe(RESERVE.trainingUsd);
    expect(trained[0]?.forEvaluation).toBeNull();
    expect(stages[id]).toEqual(['training', 'stopped']);
    expect(running).toBe(0);
    expect(lintHistory(await historyOf(jobWorkflowId(input.runId, id)))).toEqual([]);
  });

  test('a job that is stopped before it was created is created once, then cancelled', async () => {
    const input = jobs.newInput();
    const alone = await jobs.startStopped(input, 'behind the others');
    const outcome = await alone.result();
    const found = await jobs.atProvider(input);
    expect(found.map(({ status }) => status)).toEqual(['cancelled']);
    expect(outcome).toMatchObject({ state: 'stopped', jobId: found[0]?.id, reason: 'behind the others' });
    expect(lintHistory(await historyOf(alone.workflowId))).toEqual([]);
  });

  test('a job that is stopped while its answer is lost is found and cancelled', async () => {
    await jobs.bench.setFaults({ endpoint: 'jobs.create', effect: { kind: 'execute_then_reset' } });
    const input = jobs.newInput();
    const outcome = await (await jobs.startStopped(input, 'behind the others')).result();
    expect((await jobs.atProvider(input)).map(({ status }) => status)).toEqual(['cancelled']);
    expect(outcome).toMatchObject({ state: 'stopped' });
  });

  test('a job that is stopped and cancelled at once ends as cancelled, and no provider job is left', async () => {
    const input = jobs.newInput();
    const run = await jobs.startSweep(input);
    await jobs.untilStatus(input, 'running');
    await run.signal('stopCandidate', input.candidate.id, 'behind the others');
    await run.cancel();
    await failureOf(run.result());
    expect((await jobs.atProvider(input)).map(({ status }) => status)).toEqual(['cancelled']);
  });
});

describe('a job whose next question is minutes away', () => {
  let jobs: Jobs;
  let endless: Jobs;
  beforeAll(async () => {
    [jobs, endless] = await Promise.all([Jobs.start(3), Jobs.start(601)]);
  });
  afterAll(() => Promise.all([jobs.stop(), endless.stop()]));

  test('a waiting job that has ended is seen at once when it is woken, with its epochs reported and all found', async () => {
    const input = jobs.newInput();
    const { run, child } = await jobs.startFarOff(input);
    await jobs.untilStatus(input, 'succeeded');
    const [job] = await jobs.atProvider(input);
    const { typedSearchAttributes } = await child.describe();
    expect(typedSearchAttributes.get(JOB)).toBe(job?.id);
    await child.signal(wakeSignal);
    const { outcome, reports } = await outcomeOf(run);
    expect(outcome).toMatchObject({ state: 'succeeded', model: job?.fine_tuned_model });
    expect(reports.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(await countIn(child.workflowId, 'SCHEDULED', 'awaitJob')).toBe(2);
    expect(lintHistory(await historyOf(child.workflowId))).toEqual([]);
  });

  test('a running job that is woken by mistake keeps its polling and its deadline', async () => {
    const input = endless.newInput();
    const { run, child } = await endless.startFarOff(input);
    const [before] = await pendingIn(child.workflowId);
    await child.signal(wakeSignal);
    await until(
      async () => (await countIn(child.workflowId, 'FAILED', 'awaitJob')) === 1,
      'a question that found nothing',
    );
    const [after, ...others] = await pendingIn(child.workflowId);
    expect(others).toEqual([]);
    const { activityId, attempt, heartbeatDetails, nextAttemptScheduleTime } = after ?? {};
    expect({ activityId, attempt, heartbeatDetails, nextAttemptScheduleTime }).toEqual({
      activityId: before?.activityId,
      attempt: before?.attempt,
      heartbeatDetails: before?.heartbeatDetails,
      nextAttemptScheduleTime: before?.nextAttemptScheduleTime,
    });
    // A later signal still reaches it.
    await run.signal('stopCandidate', input.candidate.id, 'behind the others');
    expect((await outcomeOf(run)).outcome).toMatchObject({ state: 'stopped', reason: 'behind the others' });
    expect((await endless.atProvider(input)).map(({ status }) => status)).toEqual(['cancelled']);
  });

  test.each(['stopCandidate', 'cancel'])(
    'a waiting job that is woken and gets %s at once ends as without a wake',
    async (end) => {
      const input = endless.newInput();
      const { run, child } = await endless.startFarOff(input);
      const ending =
        end === 'cancel' ? run.cancel() : run.signal('stopCandidate', input.candidate.id, 'behind the others');
      await Promise.all([child.signal(wakeSignal), ending]);
      const outcome = end === 'cancel' ? failureOf(run.result()) : outcomeOf(run);
      if (end !== 'cancel') expect(await outcome).toMatchObject({ outcome: { state: 'stopped' } });
      await outcome;
      expect((await endless.atProvider(input)).map(({ status }) => status)).toEqual(['cancelled']);
    },
  );

  test('a waiting job is asked for at most twenty times because of wakes', async () => {
    const input = endless.newInput();
    const { run, child } = await endless.startFarOff(input);
    // Each question ends at once.
    await endless.bench.setFaults({ endpoint: 'jobs.get', effect: { kind: 'status', status: 404 } });
    for (let wakes = 1; wakes <= 20; wakes += 1) {
      await child.signal(wakeSignal);
      await until(
        async () => (await countIn(child.workflowId, 'FAILED', 'awaitJob')) === wakes,
        `question ${wakes} of those that are due to a wake`,
      );
    }
    for (let wakes = 1; wakes <= 5; wakes += 1) await child.signal(wakeSignal);
    await endless.bench.setFaults();
    await run.signal('stopCandidate', input.candidate.id, 'behind the others');
    expect((await outcomeOf(run)).outcome.state).toBe('stopped');
    // The polling, and the last look after the stop.
    expect(await countIn(child.workflowId, 'SCHEDULED', 'awaitJob')).toBe(20 + 2);
  });

  test('a wake before the creation of a job is ignored', async () => {
    const input = jobs.newInput();
    await jobs.bench.setFaults();
    const alone = await jobs.startWoken(input);
    expect(await alone.result()).toMatchObject({ state: 'succeeded' });
    expect(await countIn(alone.workflowId, 'SCHEDULED', 'awaitJob')).toBe(1);
  });

  test('a wake after the end of a job does nothing while its model loads', async () => {
    await jobs.bench.setFaults({ endpoint: 'jobs.create', effect: { kind: 'model_ready_after', seconds: 600 } });
    const input = jobs.newInput();
    const run = await jobs.startSweep(input);
    const child = server.client.workflow.getHandle(jobWorkflowId(input.runId, input.candidate.id));
    const waitsForModel = async () =>
      (await pendingIn(child.workflowId).catch(() => [])).some(
        ({ activityType }) => activityType?.name === 'awaitModel',
      );
    await until(waitsForModel, 'a wait for the model');
    await child.signal(wakeSignal);
    await jobs.bench.setFaults();
    expect((await outcomeOf(run)).outcome.state).toBe('succeeded');
    expect(await countIn(child.workflowId, 'SCHEDULED', 'awaitJob')).toBe(1);
  });
});

describe('a job on one’s own machine', () => {
  test('a job on one’s own machine that is stopped costs the time of its work', async () => {
    const jobs = await Jobs.start(600, { local: true });
    try {
      const input = jobs.newInput();
      const run = await jobs.startSweep(input);
      await jobs.untilStatus(input, 'running');
      await run.signal('stopCandidate', input.candidate.id, 'behind the others');
      const { outcome, spentUsd } = await outcomeOf(run);
      expect(outcome).toMatchObject({ state: 'stopped', trainingUsd: expect.any(Number) });
      expect(spentUsd).toBeLessThan(0.01);
    } finally {
      await jobs.stop();
    }
  });
});

describe('a job that soon succeeds', () => {
  let jobs: Jobs;
  beforeAll(async () => {
    jobs = await Jobs.start(4);
  });
  afterAll(() => jobs.stop());
  beforeEach(() => jobs.bench.setFaults());

  test('a job that soon succeeds tells its run of the first two epochs, once each, and has the checkpoints of the last three', async () => {
    const input = jobs.newInput();
    const run = await jobs.startSweep(input);
    const { outcome, reports } = await outcomeOf(run);
    const figures = { candidate: input.candidate.id, validLoss: expect.any(Number), validAccuracy: expect.any(Number) };
    expect(reports).toEqual([
      { ...figures, epoch: 1 },
      { ...figures, epoch: 2 },
    ]);
    const { events } = await historyOf(run.workflowId);
    const types = events.map(({ eventType }) => eventType);
    expect(types.indexOf('EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED')).toBeLessThan(
      types.indexOf('EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED'),
    );
    if (outcome.state !== 'succeeded') throw new Error(JSON.stringify(outcome));
    expect(outcome.checkpoints.map(({ epoch }) => epoch)).toEqual([2, 3, 4]);
    for (const { model, validLoss } of outcome.checkpoints) {
      expect(validLoss).toBeGreaterThan(0);
      const { choices } = await jobs.bench.openai.chat.completions.create({
        model,
        messages: [{ role: 'user', content: 'parcel 2 is late' }],
      });
      expect(['shipping', 'refund']).toContain(choices[0]?.message.content);
    }
    expect(lintHistory(await historyOf(jobWorkflowId(input.runId, input.candidate.id)))).toEqual([]);
  });

  test('a job tells no run of epochs where none asks, and succeeds all the same', async () => {
    const input = jobs.newInput();
    const candidate = { ...input.candidate, hyperparameters: { learningRateMultiplier: 1, epochs: 2 } };
    const run = await jobs.startSweep({ ...input, candidate }, { reportEpochs: false });
    const { outcome, reports } = await outcomeOf(run);
    expect(reports).toEqual([]);
    expect(outcome.state).toBe('succeeded');
  });

  test('a job on half of the rows takes no part in the comparison', async () => {
    const input = jobs.newInput();
    const half = { ...input.candidate, half: true as const, reserve: RESERVE };
    const { outcome, reports } = await outcomeOf(await jobs.startSweep(input, { candidates: [half] }));
    expect(outcome.state).toBe('succeeded');
    expect(reports).toEqual([]);
  });

  test('a job that was told to stop too late has succeeded, with its model and its cost', async () => {
    const input = jobs.newInput();
    const run = await jobs.startSweep(input);
    await jobs.untilStatus(input, 'running');
    // The success becomes known only after the stop.
    await jobs.bench.setFaults({ endpoint: 'jobs.get', effect: { kind: 'status', status: 500 } });
    await jobs.untilStatus(input, 'succeeded');
    await run.signal('stopCandidate', input.candidate.id, 'behind the others');
    const child = jobWorkflowId(input.runId, input.candidate.id);
    await until(
      async () => JSON.stringify(await historyOf(child)).includes('"cancelJobs"'),
      'a job that is told to stop',
    );
    await jobs.bench.setFaults();
    const { outcome, spentUsd, stages } = await outcomeOf(run);
    const [job] = await jobs.atProvider(input);
    expect(outcome).toMatchObject({ state: 'succeeded', jobId: job?.id, model: job?.fine_tuned_model });
    if (outcome.state !== 'succeeded') throw new Error('see above');
    expect(outcome.trainingUsd).toBeGreaterThan(0);
    expect(spentUsd).toBeCloseTo(outcome.trainingUsd ?? Number.NaN);
    expect(outcome.checkpoints).toHaveLength(3);
    expect(stages[input.candidate.id]).toEqual(['training', 'trained']);
    expect(lintHistory(await historyOf(child))).toEqual([]);
  });

  test('a job whose model is still loading when it is told to stop has succeeded', async () => {
    await jobs.bench.setFaults({ endpoint: 'jobs.create', effect: { kind: 'model_ready_after', seconds: 600 } });
    const input = jobs.newInput();
    const run = await jobs.startSweep(input);
    const child = server.client.workflow.getHandle(jobWorkflowId(input.runId, input.candidate.id));
    const waitsForModel = async () => {
      const { raw } = await child.describe();
      return raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'awaitModel') === true;
    };
    await until(() => waitsForModel().catch(() => false), 'a wait for the model');
    await run.signal('stopCandidate', input.candidate.id, 'behind the others');
    await until(
      async () => JSON.stringify(await historyOf(child.workflowId)).includes('WORKFLOW_EXECUTION_SIGNALED'),
      'a signal',
    );
    expect(await waitsForModel()).toBe(true);
    await jobs.bench.setFaults();
    expect((await outcomeOf(run)).outcome.state).toBe('succeeded');
  });
});

test('unreported epochs are reported by the next question, none twice, and no other run of the same name gets them', async () => {
  const jobs = await Jobs.start(100);
  try {
    const { candidate, ...rest } = jobs.newInput();
    const input = {
      ...rest,
      candidate: { ...candidate, hyperparameters: { learningRateMultiplier: 1, epochs: 50 } },
    };
    const { fineTuning } = jobs.bench.openai;
    const { id: jobId } = await fineTuning.jobs.create({
      model: input.candidate.baseModel,
      training_file: input.trainingFile,
      validation_file: input.validationFile,
      method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 50 } } },
    });
    const epochsEnd = (count: number) =>
      until(async () => {
        const { data } = await fineTuning.jobs.listEvents(jobId, { limit: 1000 });
        return data.filter(({ message }) => message.startsWith('Checkpoint created')).length >= count;
      }, `${count} epochs`);
    const nobodys = { taskQueue: 'nobody', workflowId: input.runId, args: [] };
    const earlier = await server.client.workflow.start('someRun', nobodys);
    await earlier.terminate();
    const later = await server.client.workflow.start('someRun', nobodys);
    const signals = async () =>
      (await historyOf(input.runId)).events.filter(({ eventType }) => eventType.endsWith('EXECUTION_SIGNALED')).length;
    let last: JobHeartbeat | undefined;
    /** A question of the wait of that run; returns the epochs that are reported after it. */
    const ask = async (runId: string) => {
      const environment = jobs.bench.environment({ attempt: 2, ...(last ? { heartbeatDetails: last } : {}) });
      environment.on('heartbeat', (details: JobHeartbeat) => {
        last = details;
      });
      const awaitJob = () =>
        jobs.activities.awaitJob({ ...input, jobId, reportTo: { workflowId: input.runId, runId } });
      expect(await failureOf(environment.run(awaitJob))).toMatchObject({ type: 'JOB_PENDING' });
      return (last?.epochs ?? []).map(({ told }) => told);
    };

    await epochsEnd(1);
    expect((await ask(earlier.firstExecutionRunId))[0]).toBe(false);
    expect(await signals()).toBe(0);
    await epochsEnd(2);
    expect(await ask(later.firstExecutionRunId)).toEqual([true, true]);
    expect(await signals()).toBe(2);
    await epochsEnd(3);
    expect(await ask(later.firstExecutionRunId)).toEqual([true, true]);
    expect(await signals()).toBe(2);
    await later.terminate();
  } finally {
    await jobs.stop();
  }
});
