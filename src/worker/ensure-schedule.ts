import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import { ORPHAN_SWEEP_ID, orphanSweepScheduleId } from '../contract/ids.ts';
import { WORKFLOWS } from '../contract/messages.ts';

type Definition = Pick<ScheduleOptions, 'spec' | 'action' | 'policies'>;

/** Creates a schedule, or changes the existing one; a paused one stays paused. Returns whether it is new. */
export async function ensureSchedule(client: Client, scheduleId: string, definition: Definition): Promise<boolean> {
  try {
    await client.schedule.create({ scheduleId, ...definition });
    return true;
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(scheduleId).update(({ state }) => ({ ...definition, state }));
    return false;
  }
}

/** The time that a job of a terminated run may continue before it is cancelled. */
const SWEEP_EVERY = '10 minutes';

/** Makes sure that orphaned jobs are looked for regularly. */
export async function ensureOrphanSweep(client: Client, taskQueue: string): Promise<void> {
  await ensureSchedule(client, orphanSweepScheduleId(taskQueue), {
    spec: { intervals: [{ every: SWEEP_EVERY }] },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.orphanSweep,
      workflowId: ORPHAN_SWEEP_ID,
      taskQueue,
      args: [],
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
  });
}
