import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { describeRun, type RunHandle, startRun, statusOf } from '../client/runs.ts';
import { webUiOf, webUrl } from '../client/web-ui.ts';
import { readEnvironment } from '../config/environment.ts';
import { readPipelineFile } from '../config/pipeline-file.ts';
import { type LocalServices, startLocalServices } from '../local/local-services.ts';
import { EXIT, exitCodeOfRun } from './exit-codes.ts';
import { showRun } from './follow-run.ts';
import { printResult, say } from './output.ts';
import type { ProgressView } from './progress-view.ts';
import { runTable } from './run-table.ts';

export interface DemoOptions {
  pipeline: string;
  keep?: boolean;
  json?: boolean;
  jobSeconds?: number;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A cancelled run gets this time to cancel its jobs before its services are stopped. */
const CANCEL_TIMEOUT_MS = 15_000;

/** Starts the missing services, runs a pipeline to its end, and stops the started services. Returns the exit code. */
export async function demo(options: DemoOptions): Promise<number> {
  const environment = readEnvironment();
  // Before any service is started, because an unusable file should cost nothing.
  const pipeline = await readPipelineFile(options.pipeline);
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  for (const signal of SIGNALS) process.on(signal, onSignal);

  let view: ProgressView | undefined;
  const tell = (message: string) => (view ? view.say(message) : say(message));
  let services: LocalServices | undefined;
  try {
    services = await startLocalServices({
      environment,
      keep: options.keep ?? false,
      trainer: pipeline.provider === 'local',
      jobSeconds: options.jobSeconds,
      say: tell,
      signal: interrupt.signal,
    });
    interrupt.signal.throwIfAborted();
    const { client, target } = services;
    const handle = await startRun(client, environment, options.pipeline);
    tell(`Run ${handle.workflowId}`);
    tell(`Watch it at ${webUrl(webUiOf(environment, target), target.namespace, handle.workflowId)}`);
    const run = await showRun(client, handle, {
      signal: interrupt.signal,
      onView: (created) => {
        view = created;
      },
    }).catch(async (error: unknown) => {
      if (!interrupt.signal.aborted) throw error;
      view = undefined;
      await cancelAndWait(client, handle);
      return undefined;
    });
    view = undefined;
    if (!run) return EXIT.interrupted;
    printResult(options.json, run, () => `\n${runTable(run)}`);
    return exitCodeOfRun(run);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    say('Interrupted.');
    return EXIT.interrupted;
  } finally {
    await close(services, options.keep === true && !interrupt.signal.aborted);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

async function close(services: LocalServices | undefined, keep: boolean): Promise<void> {
  if (!services) return;
  if (keep) {
    await services.release();
    say('Temporal, trainer and worker keep running. Stop them with: npm run -s tuneloop -- stop');
    return;
  }
  await services.stop();
}

async function cancelAndWait(client: Client, handle: RunHandle): Promise<void> {
  say('Interrupted: cancelling the run and its jobs.');
  await client.withDeadline(Date.now() + CANCEL_TIMEOUT_MS, () => handle.cancel());
  const deadline = Date.now() + CANCEL_TIMEOUT_MS;
  while (statusOf(await describeRun(handle)) === 'running') {
    if (Date.now() > deadline) {
      say('The run is still cancelling its jobs; it continues when services are started again.');
      return;
    }
    await delay(200);
  }
  say('Cancelled.');
}
