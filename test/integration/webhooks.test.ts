import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { FineTuningJob } from 'openai/resources/fine-tuning/jobs/jobs';
import { runJson } from '../../src/client/runs.ts';
import { sign } from '../../src/contract/webhook-signature.ts';
import { Cli, cli, lastJson, until } from '../setup/cli.ts';
import { type HistoryJson, lintHistory } from '../setup/history-lint.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { addressOf, jobsOf, statuses } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER_SECRET = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const TWO = { models: ['local-nano', 'local-mini'], learning_rate_multiplier: 1, epochs: 2 };
const TEN_MINUTES_MS = 600_000;

describe('webhooks of a provider', () => {
  let stack: Stack;
  let receiver: Cli;
  let url: string;

  const startReceiver = async () => {
    const env = { TEMPORAL_ADDRESS: addressOf(stack), OPENAI_WEBHOOK_SECRET: SECRET };
    receiver = new Cli(stack.home, ['webhooks', '--port', '0', '--json'], env);
    const ended = () => receiver.child.exitCode !== null;
    await until(() => receiver.stdout.includes('\n') || ended(), 'a receiver');
    if (ended()) throw new Error(receiver.stderr);
    url = (JSON.parse(receiver.stdout) as { url: string }).url;
  };
  const endReceiver = async (signal: NodeJS.Signals) => {
    receiver.child.kill(signal);
    return receiver.ended;
  };

  beforeAll(async () => {
    stack = await Stack.start({ jobSeconds: 3 });
    await startReceiver();
  });
  afterAll(async () => {
    await endReceiver('SIGTERM');
    await stack.stop();
  });

  const deliver = async (job: FineTuningJob, { id = `wh_${job.id}`, secret = SECRET, at = new Date() } = {}) => {
    const event = { id: 'evt_1', object: 'event', type: `fine_tuning.job.${job.status}`, data: { id: job.id } };
    const body = JSON.stringify(event);
    const headers = { 'content-type': 'application/json', ...sign(body, { id, at, secret }) };
    const response = await fetch(url, { method: 'POST', headers, body });
    return { status: response.status, ...((await response.json()) as { result?: string; error?: string }) };
  };
  const jobOf = ({ metadata }: FineTuningJob) => stack.client.workflow.getHandle(metadata?.tuneloop_job ?? '');
  const historyOf = async (job: FineTuningJob): Promise<HistoryJson> =>
    JSON.parse(historyToJSON(await jobOf(job).fetchHistory()));
  const signalsTo = async (job: FineTuningJob) =>
    (await historyOf(job)).events.filter(({ eventType }) => eventType.endsWith('EXECUTION_SIGNALED')).length;

  /** A run whose jobs have succeeded, and whose workflows would not ask for that within the next ten minutes. */
  const startFarOff = async (name: string) => {
    const effect = { kind: 'status', status: 429, headers: { 'retry-after': '1200' } } as const;
    await stack.setFaults([{ endpoint: 'jobs.get', effect }]);
    const run = await stack.startRun(stack.writePipeline(name, shopRows(60), { candidates: TWO }));
    const isFarOff = async (job: FineTuningJob) => {
      const { pendingActivities } = (await jobOf(job).describe()).raw;
      const next = Number(pendingActivities?.[0]?.nextAttemptScheduleTime?.seconds ?? 0) * 1000;
      return next > Date.now() + TEN_MINUTES_MS;
    };
    let jobs: FineTuningJob[] = [];
    await until(async () => {
      jobs = await jobsOf(stack, run.workflowId);
      return statuses(jobs).join() === 'succeeded,succeeded' && (await Promise.all(jobs.map(isFarOff))).every(Boolean);
    }, 'two jobs that have ended, which nobody knows');
    await stack.setFaults([]);
    return { run, jobs };
  };

  test('a webhook ends a wait at once that the polling alone would end in ten minutes; forged, old and repeated ones do nothing', async () => {
    const { run, jobs } = await startFarOff('webhooks');
    for (const job of jobs) {
      expect(await deliver(job, { secret: OTHER_SECRET })).toMatchObject({ status: 401 });
      expect(await deliver(job, { at: new Date(Date.now() - 360_000) })).toMatchObject({ status: 401 });
      expect(await deliver(job, { at: new Date(Date.now() + 360_000) })).toMatchObject({ status: 401 });
      expect(await signalsTo(job)).toBe(0);
    }
    // Somebody else's job at the same provider.
    const [first] = jobs;
    if (!first) throw new Error('there are two jobs');
    expect(await deliver({ ...first, id: 'ftjob-somebodyelses' })).toMatchObject({ status: 200 });
    for (const job of jobs) expect(await deliver(job)).toEqual({ status: 200, result: 'woke' });
    expect(await run.result()).toMatchObject({ candidates: [{ status: 'succeeded' }, { status: 'succeeded' }] });
    for (const job of jobs) {
      expect(lintHistory(await historyOf(job), [SECRET])).toEqual([]);
      expect(await deliver(job)).toEqual({ status: 200, result: 'repeated' });
    }
    await endReceiver('SIGKILL');
    await startReceiver();
    for (const job of jobs) {
      expect(await deliver(job)).toEqual({ status: 200, result: 'repeated' });
      expect(await signalsTo(job)).toBe(1);
    }
  });

  test('webhooks are asked for again while the Temporal server is dead, and then have their effect', async () => {
    const { run, jobs } = await startFarOff('dead-server');
    await stack.killServer();
    for (const job of jobs) expect(await deliver(job)).toMatchObject({ status: 503 });
    await stack.startServer();
    for (const job of jobs) {
      await until(async () => (await deliver(job)).status === 200, 'a delivery that is taken');
      expect(await deliver(job)).toEqual({ status: 200, result: 'repeated' });
    }
    await run.result();
    expect(await runJson(run)).toMatchObject({ status: 'completed' });
  });

  test('a second receiver, and one without a secret, report the problem', async () => {
    const TEMPORAL_ADDRESS = addressOf(stack);
    const start = (secret: string) =>
      cli(stack.home, ['webhooks', '--port', '0', '--json'], { TEMPORAL_ADDRESS, OPENAI_WEBHOOK_SECRET: secret });
    const second = await start(SECRET);
    expect(second.code).not.toBe(0);
    expect(lastJson(second)).toMatchObject({ error: { code: 'LOCKED' } });
    for (const secret of ['', 'whsec_plumtree']) {
      const ended = await start(secret);
      expect(lastJson(ended)).toMatchObject({
        error: { code: 'ENVIRONMENT_INVALID', message: expect.stringContaining('OPENAI_WEBHOOK_SECRET') },
      });
      expect(ended.stdout + ended.stderr).not.toContain('plumtree');
    }
  });

  test('the receiver of webhooks stops with the command, and its port is free', async () => {
    const { code, stderr } = await endReceiver('SIGTERM');
    expect(code).toBe(0);
    expect(stderr).not.toContain(SECRET);
    await startReceiver();
  });
});
