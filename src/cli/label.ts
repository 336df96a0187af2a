import { setTimeout as delay } from 'node:timers/promises';
import {
  type Client,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { SingleBar } from 'cli-progress';
import { artifactsOf, failureOf, stepProgressOf, webUrl } from '../client/runs.ts';
import { webUiOf } from '../client/web-ui.ts';
import type { Environment } from '../config/environment.ts';
import type { Pipeline } from '../config/pipeline.ts';
import { actualsFile, readPipelineFile } from '../config/pipeline-file.ts';
import { labellingId } from '../contract/ids.ts';
import { labellingProgressQuery, WORKFLOWS } from '../contract/messages.ts';
import { PIPELINE } from '../contract/search-attributes.ts';
import type { LabellingProgress, LabellingResult } from '../core/run/labelling.ts';
import type { StepProgress } from '../core/run/step-progress.ts';
import { plainLine, usdText } from '../core/text/format.ts';
import { TuneloopError } from '../errors.ts';
import { writeJson } from '../stores/artifact-store.ts';
import { hasWorker, recently } from '../worker/task-queue.ts';
import { EXIT } from './exit-codes.ts';
import { exportDoubtful, importCorrections } from './label-sheet.ts';
import { printResult, say } from './output.ts';
import { withSession } from './session.ts';

export interface LabelOptions {
  json?: boolean;
  /** How many rows the teacher is asked for at most. */
  limit?: number;
  export?: string;
  import?: string;
  force?: boolean;
  /** Who has filled in the sheet. */
  by?: string;
}

/** `label FILE`: has a teacher answer the rows without an answer, or exports and imports the rows for people. */
export async function label(file: string, options: LabelOptions): Promise<number> {
  const { export: sheet, import: corrected } = options;
  if (sheet !== undefined && corrected !== undefined) {
    throw new TuneloopError('USAGE', '--export and --import are two steps: people fill in the sheet in between');
  }
  const pipeline = withActuals(await readPipelineFile(file), file);
  if (sheet !== undefined) return exportDoubtful(pipeline, sheet, options);
  if (corrected !== undefined) return importCorrections(pipeline, corrected, options);
  if (!pipeline.labelling) {
    throw new TuneloopError(
      'PIPELINE_INVALID',
      `${file}: labelling.model is missing: name the model that answers calls without an answer, as in "labelling: { model: gpt-4.1 }"`,
    );
  }
  return askTeacher(pipeline, options);
}

/** The pipeline with a file that answers can be added to. */
function withActuals(pipeline: Pipeline, file: string): PipelineWithActuals {
  const { name, source } = pipeline;
  const actuals = source.actuals ?? actualsFile(file, { name });
  if (/[*?[\]{}]|\.gz$/.test(actuals)) {
    throw new TuneloopError(
      'PIPELINE_INVALID',
      `${file}: source.actuals is ${actuals}, and answers can be added to one plain file only: name that file`,
    );
  }
  return { ...pipeline, source: { ...source, actuals } };
}

export type PipelineWithActuals = Pipeline & { source: { actuals: string } };

type LabellingHandle = WorkflowHandle<typeof WORKFLOWS.labelling>;

function askTeacher(pipeline: PipelineWithActuals, { json, limit }: LabelOptions): Promise<number> {
  return withSession(async ({ client, environment, target }) => {
    const interrupt = new AbortController();
    const onSignal = () => interrupt.abort();
    process.once('SIGINT', onSignal);
    try {
      const handle = await start(client, environment, pipeline, limit ?? null);
      say(`Watch it at ${webUrl(webUiOf(environment, target), target.namespace, handle.workflowId)}`);
      if (!(await hasWorker(client, environment.taskQueue, recently()))) {
        say(`No worker waits on task queue ${environment.taskQueue} yet: start one with \`npm run worker\`.`);
      }
      await follow(client, handle, interrupt.signal);
      const ended = await endOf(handle);
      printResult(json, ended, () => endText(ended));
      return exitCodeOf(ended);
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
      const id = labellingId(pipeline.name);
      say(`The labelling goes on. Watch it again with the same command, or end it with \`tuneloop cancel ${id}\`.`);
      return EXIT.interrupted;
    } finally {
      process.off('SIGINT', onSignal);
    }
  });
}

async function start(
  client: Client,
  environment: Environment,
  pipeline: PipelineWithActuals,
  limit: number | null,
): Promise<LabellingHandle> {
  const workflowId = labellingId(pipeline.name);
  const definition = await writeJson(artifactsOf(environment), pipeline);
  try {
    const handle = await client.workflow.start(WORKFLOWS.labelling, {
      workflowId,
      taskQueue: environment.taskQueue,
      args: [{ definition, limit }],
      typedSearchAttributes: new TypedSearchAttributes([{ key: PIPELINE, value: pipeline.name }]),
      staticSummary: `labels the log of ${pipeline.name}`,
    });
    say(`Labelling ${workflowId}`);
    return handle;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    say(`${workflowId} goes on already; this shows how it gets on.`);
    return client.workflow.getHandle<typeof WORKFLOWS.labelling>(workflowId);
  }
}

const LOOK_EVERY_MS = 400;
/** A server that is started again answers within seconds; one that is silent for longer is gone. */
const SILENCE_LIMIT_MS = 60_000;
const QUERY_TIMEOUT_MS = 3000;

/** Shows a labelling until it has ended. */
async function follow(client: Client, handle: LabellingHandle, signal: AbortSignal): Promise<void> {
  const view = process.stderr.isTTY ? new Bar() : new Lines();
  let answered = Date.now();
  try {
    for (;;) {
      signal.throwIfAborted();
      try {
        const description = await handle.describe();
        const progress = await progressOf(client, handle);
        if (progress) view.show(progress, stepProgressOf(description));
        answered = Date.now();
        if (description.status.name !== 'RUNNING') return;
      } catch (error) {
        if (!(error instanceof ServiceError) || Date.now() - answered > SILENCE_LIMIT_MS) throw error;
      }
      await delay(LOOK_EVERY_MS, undefined, { signal });
    }
  } finally {
    view.end();
  }
}

/** Undefined while no worker can answer. */
async function progressOf(client: Client, handle: LabellingHandle): Promise<LabellingProgress | undefined> {
  try {
    return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () => handle.query(labellingProgressQuery));
  } catch {
    return undefined;
  }
}

/** Rows that were asked for, on a terminal. */
class Bar {
  readonly #bar = new SingleBar({
    stream: process.stderr,
    format: ' {text} {bar} {value} of {total} rows',
    barsize: 24,
    hideCursor: true,
    linewrap: false,
    gracefulExit: false,
  });
  #started = false;

  show(progress: LabellingProgress, step: StepProgress | undefined): void {
    const text = stageText(progress);
    if (!this.#started) this.#bar.start(progress.rows ?? 0, 0, { text });
    this.#started = true;
    this.#bar.setTotal(progress.rows ?? 0);
    if (progress.stage !== 'ask') this.#bar.update(progress.stage === 'read' ? 0 : (progress.rows ?? 0), { text });
    else this.#bar.update(step?.rows ?? 0, { text });
  }

  end(): void {
    if (this.#started) this.#bar.stop();
  }
}

/** A line for each change, without counts: each would be a line. */
class Lines {
  #last = '';

  show(progress: LabellingProgress): void {
    const text = stageText(progress);
    if (text === this.#last) return;
    this.#last = text;
    say(`  ${text}`);
  }

  end(): void {}
}

function stageText({ stage, paused, rows }: LabellingProgress): string {
  if (paused) return plainLine(`PAUSED, ${paused.code}: ${paused.message}. Mend that, then: tuneloop resume`);
  switch (stage) {
    case 'read':
      return 'looking for rows without an answer';
    case 'ask':
      return `asking the teacher for ${rows} rows`;
    case 'keep':
      return 'adding the answers to the file';
    case 'done':
      return 'done';
  }
}

/** A labelling that has ended, as it is printed with `--json`. */
type EndedLabelling =
  | ({ labellingId: string; status: 'completed' } & LabellingResult)
  | { labellingId: string; status: 'cancelled' | 'failed'; error: { code: string; message: string } };

async function endOf(handle: LabellingHandle): Promise<EndedLabelling> {
  const id = handle.workflowId;
  try {
    return { labellingId: id, status: 'completed', ...(await handle.result()) };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const failure = failureOf(error);
    return { labellingId: id, status: failure.code === 'CANCELLED' ? 'cancelled' : 'failed', error: failure };
  }
}

function exitCodeOf(ended: EndedLabelling): number {
  if (ended.status === 'completed') return ended.stopped === null ? EXIT.ok : EXIT.runFailed;
  return ended.status === 'cancelled' ? EXIT.cancelled : EXIT.runFailed;
}

function endText(ended: EndedLabelling): string {
  if (ended.status !== 'completed') {
    return plainLine(`${ended.error.code}: ${ended.error.message}. Answers that had come are kept.`);
  }
  const { labelled, forPeople, left, spentUsd, stopped, file } = ended;
  const lines = [
    `${labelled} rows have got an answer${spentUsd === null ? '' : `, for ${usdText(spentUsd)}`}. The answers are in ${file}.`,
  ];
  if (stopped !== null) lines.push(plainLine(`BUDGET_EXCEEDED: ${stopped}. Raise labelling.budget_usd to go on.`));
  if (left > 0) lines.push(`${left} rows are left.`);
  if (forPeople > 0) {
    lines.push(`${forPeople} rows need a person: \`tuneloop label FILE --export doubtful.csv\` writes them down.`);
  }
  return lines.join('\n');
}
