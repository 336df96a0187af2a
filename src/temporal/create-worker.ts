import { existsSync } from 'node:fs';
import path from 'node:path';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/create-activities.ts';
import type { Dependencies } from '../activities/dependencies.ts';

export interface CreateWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  dependencies: Dependencies;
  /** Prebuilt workflow code; by default the bundle of the build where there is one, else made from the sources. */
  workflows?: Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath' | 'stickyQueueScheduleToStartTimeout'>;
}

/** The longest section that should not be cut off by a shutdown is a paid call that waits for its answer. */
const GRACE_TIME = '30 seconds';
const FORCE_TIME = '60 seconds';

/** A worker for all workflows and activities. */
export function createWorker(options: CreateWorkerOptions): Promise<Worker> {
  const { connection, namespace, taskQueue, dependencies, workflows = findWorkflows() } = options;
  return Worker.create({
    connection,
    namespace,
    taskQueue,
    activities: createActivities(dependencies),
    shutdownGraceTime: GRACE_TIME,
    shutdownForceTime: FORCE_TIME,
    ...workflows,
  });
}

/** Where `npm run build` puts the workflow bundle. */
export const WORKFLOW_BUNDLE = path.join(import.meta.dirname, '..', 'workflow-bundle.js');
export const WORKFLOWS = path.join(
  import.meta.dirname,
  '..',
  'workflows',
  `index${path.extname(import.meta.filename)}`,
);

function findWorkflows(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  return existsSync(WORKFLOW_BUNDLE) ? { workflowBundle: { codePath: WORKFLOW_BUNDLE } } : { workflowsPath: WORKFLOWS };
}
