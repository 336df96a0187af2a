import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { describeRun, type RunHandle, startRun, statusOf } from '../client/runs.ts';
import { webUiOf, webUrl } from '../client/web-ui.ts';
import { readEnvironment } from '../config/environment.ts';
import { readPipelineFile } from '../config/pipeline-file.ts';
import { TuneloopError } from '../errors.ts';
import { type LocalServices, startLocalServices } from '../local/local-services.ts';
import { EXAMPLE_PIPELINE, LLM_EXAMPLE_PIPELINE } from './defaults.ts';
import { EXIT, exitCodeOfRun } from './exit-codes.ts';
import { showRun } from './follow-run.ts';
import { printResult, say } from './output.ts';
import type { ProgressView } from './progress-view.ts';
import { runTable } from './run-table.ts';

export interface DemoOptions {
  pipeline?: string;
  llm?: boolean;
  keep?: boolean;
  json?: boolean;
  jobSeconds?: number;
}

/** The base model that `examples/support-triage/llm.yaml` trains. */
const LLM_EXAMPLE_MODEL = 'smollm2-135m';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A cancelled run gets this time to cancel its jobs before its services are stopped. */
const CANCEL_TIMEOUT_MS = 15_000;

/** Starts the missing services, runs a pipeline to its end, and stops the started services. Returns the exit code. */
export async function demo(options: DemoOptions): Promise<number> {
  const environment = readEnvironment();
  // Before any service is started, because an unusable file should cost nothing.
  const file = fileOf(options);
  const pipeline = await readPipelineFile(file);
  if (options.llm) await introduceLlm(environment.engine);
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
    const handle = await startRun(client, environment, file);
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

function fileOf({ pipeline, llm }: DemoOptions): string {
  if (pipeline !== undefined && llm) {
    throw new TuneloopError('USAGE', 'give --llm or --pipeline: --llm runs an example of its own');
  }
  return pipeline ?? (llm ? LLM_EXAMPLE_PIPELINE : EXAMPLE_PIPELINE);
}

/**
 * Says what the demo of an LLM will do.
 *
 * @throws TuneloopError ENGINE_UNUSABLE where the engine or its base model is not there
 */
async function introduceLlm(engineDir: string): Promise<void> {
  const { readInstalled, readModel } = await import('@tuneloop/local-trainer/engine-folder');
  const install = 'run `npm run -s tuneloop -- engine install` first, which says what it downloads';
  const installed = readInstalled(engineDir);
  if (!installed) throw new TuneloopError('ENGINE_UNUSABLE', `the engine for LLMs is not installed: ${install}`);
  const model = readModel(engineDir, LLM_EXAMPLE_MODEL);
  if (!model) throw new TuneloopError('ENGINE_UNUSABLE', `the base model ${LLM_EXAMPLE_MODEL} is missing: ${install}`);
  const millions = Math.round(model.parameters / 1e6);
  say(
    `This fine-tunes a real LLM on this machine (${installed.device}): ${model.name}, ${millions} million parameters, licence ` +
      `${model.licence}. Two jobs of three epochs train side by side on about 230 rows: 10 to 20 minutes on two processor cores. ` +
      'So small a model on a CPU proves the machinery, not the quality that LLMs can reach.',
  );
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
