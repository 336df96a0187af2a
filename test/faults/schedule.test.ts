import { setTimeout as delay } from 'node:timers/promises';
import type { ScheduleDescription } from '@temporalio/client';
import { orphanSweepScheduleId, runId, scheduleId } from '../../src/contract/ids.ts';
import { WORKFLOWS } from '../../src/contract/messages.ts';
import { until } from '../setup/cli.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Stack } from '../setup/stack.ts';
import { command } from '../setup/stack-tools.ts';

jest.setTimeout(120_000);

const PIPELINE = 'scheduled';
const EVERY_SECOND = { intervals: [{ every: '1 second' }] };
const MISSED = 9;

describe('a schedule that fires more often than its runs end', () => {
  let stack: Stack;

  beforeAll(async () => {
    // A run takes over five seconds.
    stack = await Stack.start({ jobSeconds: 5 });
    const file = stack.writePipeline(PIPELINE, shopRows(60), {
      candidates: { models: ['local-nano'], learning_rate_multiplier: 1, epochs: 1 },
    });
    const { code, stderr } = await command(stack, 'schedule', 'create', file, '--cron', '0 3 * * 1');
    if (code !== 0) throw new Error(stderr);
  });
  afterAll(() => stack.stop());

  const handle = () => stack.client.schedule.getHandle(scheduleId(PIPELINE));
  const describeIt = (): Promise<ScheduleDescription> => handle().describe();
  const runs = async () => {
    const query = `WorkflowType = "${WORKFLOWS.fineTuningPipeline.name}"`;
    return Array.fromAsync(stack.client.workflow.list({ query }));
  };
  const running = async () => (await runs()).filter(({ status }) => status.name === 'RUNNING').length;
  /** Starts the pipeline itself, because a look without a reason is over within a second. */
  const whole = (action: ScheduleDescription['action']) => ({
    ...action,
    workflowType: WORKFLOWS.fineTuningPipeline.name,
    workflowId: runId(PIPELINE, 'scheduled'),
  });
  /** Policies stay those that the command has set; only the clock ticks faster than a cron expression can. */
  const tickEverySecond = () =>
    handle().update(({ action, policies, state }) => ({ spec: EVERY_SECOND, action: whole(action), policies, state }));

  test('F33 F34 the schedules of pipelines and of the sweep never start a second run, and catch up little', async () => {
    expect((await describeIt()).policies).toMatchObject({
      overlap: 'SKIP',
      catchupWindow: 3_600_000,
      pauseOnFailure: true,
    });
    const sweep = await stack.client.schedule.getHandle(orphanSweepScheduleId('tuneloop')).describe();
    expect(sweep.policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 60_000 });
  });

  test('F33 the schedule fires during a run: skipped and counted, and never two at a time', async () => {
    await tickEverySecond();
    await until(async () => {
      expect(await running()).toBeLessThanOrEqual(1);
      return (await describeIt()).info.numActionsTaken >= 2;
    }, 'a second run');
    const { info } = await describeIt();
    expect(info.numActionsSkippedOverlap).toBeGreaterThanOrEqual(3);
    expect((await runs()).length).toBe(info.numActionsTaken);
    const { stdout } = await command(stack, 'schedule', 'list', '--json');
    expect(JSON.parse(stdout)).toMatchObject([{ pipeline: PIPELINE, paused: false }]);
    expect(JSON.parse(stdout)[0].skippedOverlap).toBeGreaterThanOrEqual(3);
  });

  test(`F34 the server is down over ${MISSED} times: one run catches up for all of them`, async () => {
    await handle().pause();
    await until(async () => (await running()) === 0, 'no run');
    const before = (await describeIt()).info;
    await handle().unpause();
    // In the second in which it starts nothing yet, so that the first of the missed times finds no run.
    await handle().update(({ action, policies, state }) => ({
      spec: { intervals: [{ every: '1 second' }], startAt: new Date(Date.now() + 3000) },
      action,
      policies,
      state,
    }));
    expect(await stack.killServer()).toBe(true);
    await delay(3000 + MISSED * 1000);
    await stack.startServer();
    await until(async () => (await describeIt()).info.numActionsTaken > before.numActionsTaken, 'a run');
    // All missed times are behind it now: the next ones are those of the clock.
    await until(
      async () => (await describeIt()).info.numActionsSkippedOverlap >= before.numActionsSkippedOverlap + MISSED - 2,
      'the missed times to be skipped',
    );
    expect((await describeIt()).info.numActionsTaken).toBe(before.numActionsTaken + 1);
    expect(await running()).toBe(1);
    await handle().pause();
  });
});
