import type { WorkflowFailedError } from '@temporalio/client';
import type { Endpoint, FaultRule } from '../../packages/local-trainer/src/faults/fault-plan.ts';
import type { RequestEntry } from '../../packages/local-trainer/src/faults/ledger.ts';
import { jobIdentity } from '../../src/activities/support/job-input.ts';
import { progressOf, type RunHandle, runJson } from '../../src/client/runs.ts';
import { monthlyBudgetId } from '../../src/contract/ids.ts';
import { spendingQuery } from '../../src/contract/messages.ts';
import { STAGE } from '../../src/contract/search-attributes.ts';
import type { JobInput } from '../../src/core/run/job-input.ts';
import { innermost } from '../../src/workflows/steps/failure-reason.ts';
import { lastJson, until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { command, executed, jobsOf, providerOf, statuses } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const QUOTA = { kind: 'status', status: 429, code: 'insufficient_quota', message: 'You exceeded your quota' } as const;
const CLOSED = { kind: 'status', status: 403, code: 'training_not_available', message: 'Not for you' } as const;

describe('the provider answers with an error', () => {
  let stack: Stack;
  let runs = 0;
  let before = 0;

  beforeAll(async () => {
    stack = await Stack.start({ workerEnv: { TUNELOOP_MONTHLY_BUDGET_USD: '100' } });
  });
  afterAll(() => stack.stop());
  beforeEach(async () => {
    await stack.setFaults([]);
    before = stack.ledger().length;
  });

  /** A run of this many candidates, with rows that no other run has. */
  const startRun = (candidates: number): Promise<RunHandle> => {
    runs += 1;
    const name = `errors-${runs}`;
    const rates = Array.from({ length: candidates }, (_, index) => 0.5 + index / 2);
    const changes = {
      candidates: { models: ['local-nano'], learning_rate_multiplier: rates, epochs: 1 },
      split: { seed: runs },
    };
    const file = stack.writePipeline(name, shopRows(60), changes);
    const provider = { ...providerOf(file), settling_seconds: 0.5 };
    return stack.startRun(stack.writePipeline(name, shopRows(60), { ...changes, provider }));
  };
  const entries = () => stack.ledger().slice(before);
  /** All requests to an endpoint that failed or that change something. */
  const requests = (endpoint: Endpoint): RequestEntry[] =>
    entries().filter((entry): entry is RequestEntry => entry.kind === 'request' && entry.endpoint === endpoint);
  const nothingPaid = () => {
    for (const endpoint of ['files.create', 'jobs.create', 'chat'] as const) {
      expect(executed(entries(), endpoint)).toEqual([]);
    }
  };
  const failureOf = (run: RunHandle): Promise<unknown> =>
    run.result().then(
      () => undefined,
      ({ cause }: WorkflowFailedError) => innermost(cause),
    );
  const paused = async (run: RunHandle) => (await progressOf(stack.client, run))?.paused ?? null;
  const untilPaused = (run: RunHandle) => until(async () => (await paused(run)) !== null, 'a pause');
  const resume = async (run: RunHandle): Promise<unknown> => {
    const ended = await command(stack, 'resume', run.workflowId, '--json');
    expect(ended).toMatchObject({ code: 0 });
    return lastJson(ended);
  };
  const expectNotPaused = async (run: RunHandle) => {
    const { code, stdout, stderr } = await command(stack, 'resume', run.workflowId);
    expect(stdout + stderr).toMatch(/RUN_NOT_PAUSED/);
    expect(code).toBe(2);
  };

  test('F07 429 with retry-after: the next attempt is not earlier, and Temporal does the waiting', async () => {
    const seconds = 3;
    const rules = (['jobs.list', 'files.create', 'jobs.create', 'jobs.get'] as const).map(
      (endpoint): FaultRule => ({
        endpoint,
        calls: [1],
        effect: { kind: 'status', status: 429, headers: { 'retry-after': `${seconds}` } },
      }),
    );
    await stack.setFaults(rules);
    const run = await startRun(1);
    // While the creation waits for its second attempt, no worker is busy with it.
    await until(() => requests('jobs.create').length === 1, 'a refused creation');
    const child = stack.client.workflow.getHandle(`${run.workflowId}/local-nano-lr0.5-e1`);
    await until(async () => {
      const [activity] = (await child.describe()).raw.pendingActivities ?? [];
      // PENDING_ACTIVITY_STATE_SCHEDULED, and not started.
      return activity?.activityType?.name === 'createJob' && activity.state === 1 && activity.attempt === 2;
    }, 'a second attempt that is scheduled');
    expect(requests('jobs.create')).toHaveLength(1);
    await run.result();
    expect((await stack.faults()).map(({ fired }) => fired)).toEqual([1, 1, 1, 1]);
    // Two files are uploaded, and one of them was refused: the last request is its second one.
    for (const endpoint of ['files.create', 'jobs.create'] as const) {
      const [first, last] = [requests(endpoint)[0], requests(endpoint).at(-1)];
      expect(first?.status).toBe(429);
      expect((last?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(seconds * 1000);
    }
    expect(requests('files.create')).toHaveLength(3);
    expect(requests('jobs.create')).toHaveLength(2);
    expect(await jobsOf(stack, run.workflowId)).toHaveLength(1);
    // The question after the refused one came no earlier either: the job had succeeded long before.
    const refused = requests('jobs.get')[0];
    const chat = executed(entries(), 'chat')[0];
    expect((chat?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(seconds * 1000);
  });

  test('F08 429 for an exhausted quota: one request each, the run pauses, and continues with the same step after a resume', async () => {
    await stack.setFaults([
      // Time to ask for a resume too early.
      { endpoint: 'jobs.create', times: 2, effect: { kind: 'latency', ms: 8000 } },
      { endpoint: 'jobs.create', effect: QUOTA },
    ]);
    const run = await startRun(2);
    await until(async () => (await stack.faults())[0]?.fired === 2, 'two requests under way');
    await expectNotPaused(run);
    await until(() => requests('jobs.create').length === 2, 'two requests');
    await untilPaused(run);
    expect(await paused(run)).toMatchObject({ code: 'PROVIDER_QUOTA', message: expect.stringContaining('quota') });
    expect((await run.describe()).typedSearchAttributes.get(STAGE)).toBe('paused');
    // Too early: it is refused again, once each, and pauses again.
    expect(await resume(run)).toMatchObject({ runId: run.workflowId, resumed: { code: 'PROVIDER_QUOTA' } });
    await until(() => requests('jobs.create').length === 4, 'two more requests');
    await untilPaused(run);
    expect(requests('jobs.create')).toHaveLength(4);
    await stack.setFaults([]);
    await resume(run);
    await run.result();
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['succeeded', 'succeeded']);
    expect(requests('jobs.create')).toHaveLength(6);
    // No job had been made, so none was made anew.
    for (const { metadata } of await jobsOf(stack, run.workflowId)) {
      expect(requests('jobs.create').filter(({ key }) => key === metadata?.tuneloop_key)).toHaveLength(3);
    }
    await expectNotPaused(run);
    expect((await command(stack, 'resume', 'no/such-run')).stderr).toMatch(/RUN_NOT_FOUND/);
  });

  test('F08 a quota ends a job: the others continue, and after the resume it is made anew as generation 2', async () => {
    const error = { code: 'credit_balance_exhausted', message: 'The balance is used up' };
    await stack.setFaults([
      { endpoint: 'jobs.create', calls: [1], effect: { kind: 'job_status', status: 'failed', error } },
    ]);
    const run = await startRun(2);
    await untilPaused(run);
    expect(await paused(run)).toEqual({
      code: 'PROVIDER_QUOTA',
      message: 'credit_balance_exhausted: The balance is used up',
    });
    await until(
      async () => (await progressOf(stack.client, run))?.candidates.some(({ stage }) => stage === 'trained') ?? false,
      'the other candidate being trained',
    );
    expect((await progressOf(stack.client, run))?.stage).toBe('train');
    const failed = (await jobsOf(stack, run.workflowId)).find(({ status }) => status === 'failed');
    await resume(run);
    await run.result();
    const jobs = await jobsOf(stack, run.workflowId);
    expect(statuses(jobs)).toEqual(['failed', 'succeeded', 'succeeded']);
    const anew = jobs.find(
      ({ id, metadata }) => id !== failed?.id && metadata?.tuneloop_job === failed?.metadata?.tuneloop_job,
    );
    const input = await inputOf(failed?.metadata?.tuneloop_job ?? '');
    expect(input.generation).toBe(2);
    expect(jobIdentity(input).key).toBe(anew?.metadata?.tuneloop_key);
    expect(jobIdentity({ ...input, generation: 1 }).key).toBe(failed?.metadata?.tuneloop_key);
    const { candidates = [] } = await runJson(run);
    expect(candidates.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
    expect(candidates.map(({ jobId }) => jobId)).toContain(anew?.id);
  });

  /** The input of the newest execution of a candidate's workflow. */
  const inputOf = async (workflowId: string): Promise<JobInput> => {
    const { events } = await stack.client.workflow.getHandle(workflowId).fetchHistory();
    const data = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
    return JSON.parse(Buffer.from(data ?? []).toString('utf8'));
  };

  test('F08 a quota that shows when the model is first asked: the job is kept, and used after the resume', async () => {
    await stack.setFaults([{ endpoint: 'chat', calls: [1], effect: QUOTA }]);
    const run = await startRun(1);
    await untilPaused(run);
    expect(requests('chat')).toHaveLength(1);
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['succeeded']);
    await resume(run);
    await run.result();
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['succeeded']);
    expect(executed(entries(), 'jobs.create')).toHaveLength(1);
  });

  test.each<[string, Endpoint, FaultRule['effect']]>([
    ['401 for the key', 'jobs.list', { kind: 'status', status: 401, code: 'invalid_api_key' }],
    ['403 for fine-tuning', 'jobs.list', { kind: 'status', status: 403, code: 'permission_denied' }],
    ['403 for the models', 'models.list', { kind: 'status', status: 403 }],
  ])(
    'F09 %s: the run fails after one request, before any job, and nothing is spent',
    async (_title, endpoint, effect) => {
      await stack.setFaults([{ endpoint, effect }]);
      const run = await startRun(2);
      const { status } = effect as { status: number };
      expect(await failureOf(run)).toMatchObject({
        type: 'PROVIDER_REFUSED',
        message: expect.stringContaining(`answered ${status}`),
      });
      expect(requests(endpoint)).toHaveLength(1);
      nothingPaid();
      expect(await runJson(run)).toMatchObject({ status: 'failed', error: { code: 'PROVIDER_REFUSED' } });
    },
  );

  test('F09 403 because the provider does not let this organization train: the run pauses before any upload', async () => {
    await stack.setFaults([{ endpoint: 'jobs.list', effect: CLOSED }]);
    const run = await startRun(1);
    await untilPaused(run);
    expect(await paused(run)).toMatchObject({ code: 'PROVIDER_CLOSED' });
    expect(requests('jobs.list')).toHaveLength(1);
    nothingPaid();
    await stack.setFaults([]);
    await resume(run);
    await run.result();
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['succeeded']);
  });

  test('F09 the platform closes after the upload: the run pauses in its look for the job, and no job has to be cancelled', async () => {
    // The first question is that of the plan.
    await stack.setFaults([{ endpoint: 'jobs.list', calls: [2, 3, 4], effect: CLOSED }]);
    const run = await startRun(1);
    await untilPaused(run);
    expect(requests('jobs.list')).toHaveLength(1);
    await stack.setFaults([]);
    await resume(run);
    await run.result();
    expect(statuses(await jobsOf(stack, run.workflowId))).toEqual(['succeeded']);
  });

  test('F09 401 or 403 for each job: refused once each, the run fails, and all its reservations are released', async () => {
    const account = stack.client.workflow.getHandle(monthlyBudgetId(new Date()));
    const held = await account.query(spendingQuery);
    await stack.setFaults([
      { endpoint: 'jobs.create', calls: [1], effect: { kind: 'status', status: 401 } },
      { endpoint: 'jobs.create', effect: { kind: 'status', status: 403 } },
    ]);
    const run = await startRun(3);
    expect(await failureOf(run)).toMatchObject({
      type: 'ALL_CANDIDATES_FAILED',
      message: expect.stringMatching(/answered 401.*answered 403|answered 403.*answered 401/s),
    });
    expect(requests('jobs.create')).toHaveLength(3);
    expect(executed(entries(), 'jobs.create')).toEqual([]);
    expect(executed(entries(), 'chat')).toEqual([]);
    expect(await account.query(spendingQuery)).toEqual(held);
  });
});
