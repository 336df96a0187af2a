import type { Client } from '@temporalio/client';

/** Number of Temporal's TaskQueueType for workflow tasks (temporal/api/enums/v1/task_queue.proto). */
const WORKFLOW_TASKS = 1;

/** Whether a worker has asked the task queue for work since a moment; a waiting worker asks about once a minute. */
export async function hasWorker(client: Client, taskQueue: string, since: Date): Promise<boolean> {
  const { pollers = [] } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: WORKFLOW_TASKS,
  });
  return (pollers ?? []).some(
    ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 >= since.getTime() - 1000,
  );
}

/** Within this time every live worker has asked for work. */
export function recently(): Date {
  return new Date(Date.now() - 70_000);
}
