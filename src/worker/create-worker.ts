import { existsSync } from 'node:fs';
import path from 'node:path';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/create-activities.ts';
import type { Dependencies } from '../activities/support/dependencies.ts';
import { DATA_CONVERTER } from './connection.ts';

export interface CreateWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  dependencies: Dependencies;
  /** File of a workflow bundle of this version; default: the bundle of the build, or one that is made now from the sources. */
  workflowBundle?: string | undefined;
}

/**
 * The time that a stopping worker gives its activities. The longest section that should not be cut off is a paid call that waits for its
 * answer: within the grace time it ends undisturbed. After it activities are cancelled and tried again by another worker; after the force
 * time the worker gives up on those that do not listen.
 */
const GRACE_TIME = '30 seconds';
const FORCE_TIME = '60 seconds';

/** A worker for all workflows and activities. */
export function createWorker(options: CreateWorkerOptions): Promise<Worker> {
  const { connection, namespace, taskQueue, dependencies, workflowBundle } = options;
  return Worker.create({
    connection,
    namespace,
    taskQueue,
    dataConverter: DATA_CONVERTER,
    activities: createActivities(dependencies),
    shutdownGraceTime: GRACE_TIME,
    shutdownForceTime: FORCE_TIME,
    ...findWorkflows(workflowBundle),
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

/** The requested bundle, else the bundle of the build if there is one, else the sources. */
function findWorkflows(bundle: string | undefined): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const codePath = bundle ?? (existsSync(WORKFLOW_BUNDLE) ? WORKFLOW_BUNDLE : undefined);
  return codePath === undefined ? { workflowsPath: WORKFLOWS } : { workflowBundle: { codePath } };
}
