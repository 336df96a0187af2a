import path from 'node:path';
import { readPipelineFile } from '../config/pipeline-file.ts';
import type { RunProgress } from '../core/run/run-progress.ts';
import type { RunComparison } from '../report/compare-runs.ts';
import { junitReport } from '../report/junit.ts';
import type { Report } from '../report/report.ts';
import { writeFileAtomically } from '../stores/files.ts';
import { runFolder } from '../stores/run-folder.ts';
import { hasWorker, recently } from '../worker/task-queue.ts';
import { compareReports } from './comparisons.ts';
import type { EndedPlan, PlanOptions } from './plans.ts';
import type { PredictedAnswer } from './predictions.ts';
import { readReport, reportOfRun, writePromptfoo } from './reports.ts';
import { type FollowOptions, followRun } from './run-follower.ts';
import {
  type CancelledRun,
  cancelRun,
  type ListedRun,
  listRuns,
  type ResumedRun,
  resumePausedRun,
} from './run-list.ts';
import { describeRun, progressOf, type RunHandle, type RunJson, runJson, startRun } from './runs.ts';
import type { TuneloopSession } from './session.ts';

/** A run that was started. */
export interface StartedRun {
  runId: string;
  status: 'running';
  /** Its page in Temporal's Web UI. */
  webUi: string;
}

/** Runs: starts them, follows them, reads their findings. */
export class RunClient {
  readonly #session: TuneloopSession;

  constructor(session: TuneloopSession) {
    this.#session = session;
  }

  /**
   * Starts a run of a pipeline file; a worker does the work.
   *
   * @throws TuneloopError PIPELINE_INVALID, TEMPORAL_UNREACHABLE
   */
  async start(file: string): Promise<StartedRun> {
    const { workflowId } = await startRun(await this.#session.client(), this.#session.environment, file);
    return { runId: workflowId, status: 'running', webUi: this.#session.webUi(workflowId) };
  }

  /** Whether a worker has asked for work within the last 70 seconds. Without one, a run waits. */
  async hasWorker(): Promise<boolean> {
    return hasWorker(await this.#session.client(), this.#session.environment.taskQueue, recently());
  }

  /** The run as it is now; if it has ended, with its result or error. @throws TuneloopError RUN_NOT_FOUND */
  async get(id: string): Promise<RunJson> {
    return runJson(await this.#handle(id));
  }

  /** The progress of a run; undefined while no worker answers. @throws TuneloopError RUN_NOT_FOUND */
  async progress(id: string): Promise<RunProgress | undefined> {
    const handle = await this.#handle(id);
    await describeRun(handle);
    return progressOf(await this.#session.client(), handle);
  }

  /** Waits until a run has ended, and returns the same as {@link get}. @throws TuneloopError RUN_NOT_FOUND */
  async follow(id: string, options: FollowOptions = {}): Promise<RunJson> {
    return followRun(await this.#session.client(), await this.#handle(id), options);
  }

  /** The newest runs first, at most `limit` (20) of them. */
  async list({ limit = 20 }: { limit?: number } = {}): Promise<ListedRun[]> {
    return listRuns(await this.#session.client(), limit);
  }

  /** Asks a run to end, and returns at once; the run cancels its jobs first. @throws TuneloopError RUN_NOT_FOUND */
  async cancel(id: string): Promise<CancelledRun> {
    return cancelRun(await this.#session.client(), id);
  }

  /** Resumes a run that waits for a person. @throws TuneloopError RUN_NOT_FOUND, RUN_NOT_PAUSED */
  async resume(id: string): Promise<ResumedRun> {
    return resumePausedRun(await this.#session.client(), id);
  }

  /**
   * The candidates of a run before it starts, and its highest cost. Nothing is uploaded or paid. It works in this process, without a server
   * and a worker, and without a key and a network too, unless the log itself is at the provider.
   *
   * @returns a failed or cancelled plan has `error`
   * @throws TuneloopError PIPELINE_INVALID
   */
  async plan(file: string, options: PlanOptions = {}): Promise<EndedPlan> {
    const pipeline = await readPipelineFile(file);
    const { makePlan } = await import('./plans.ts');
    return makePlan(this.#session.environment, pipeline, options);
  }

  /**
   * Asks the winner of a run, or the serving model of a pipeline, with the input alone. A pipeline needs no Temporal server.
   *
   * @param id id of a run, which has a slash, or name of a pipeline
   * @throws TuneloopError RUN_NOT_FOUND, DEPLOYMENT_NOT_FOUND, or PROVIDER_* where the provider does not answer
   */
  async predict(id: string, input: string): Promise<PredictedAnswer> {
    const { environment } = this.#session;
    const { predictByDeployment, predictByRun } = await import('./predictions.ts');
    if (!id.includes('/')) return predictByDeployment(environment, id, input);
    return predictByRun(await this.#session.client(), environment, id, input);
  }

  /**
   * The report of a run, from its folder below `home`. Needs no server.
   *
   * @throws TuneloopError RUN_NOT_FOUND where there is none, REPORT_UNREADABLE where this version cannot read it
   */
  report(id: string): Promise<Report> {
    return readReport(id, runFolder(this.#session.environment.home, id));
  }

  /**
   * The differences of the second run's findings from the first's, from their folders below `home`. Needs no server.
   *
   * @throws TuneloopError RUN_NOT_FOUND, REPORT_UNREADABLE
   */
  compare(first: string, second: string): Promise<RunComparison> {
    return compareReports(this.#session.environment, first, second);
  }

  /**
   * Writes the report of a run as JUnit XML, for CI; returns the absolute path of the file.
   *
   * @throws TuneloopError RUN_NOT_FOUND, REPORT_UNREADABLE
   */
  async writeJunit(id: string, file: string): Promise<string> {
    const { report, pipeline } = await reportOfRun(await this.#session.client(), this.#session.environment, id);
    const target = path.resolve(file);
    await writeFileAtomically(target, junitReport(report, pipeline.selection));
    return target;
  }

  /**
   * Writes a promptfoo config with the judging rows to a folder; returns the path of the config.
   *
   * @throws TuneloopError RUN_NOT_FOUND where the run has no winner, REPORT_UNREADABLE, DATASET_NOT_FOUND
   */
  async writePromptfoo(id: string, folder: string): Promise<string> {
    const { environment } = this.#session;
    const { report, pipeline } = await reportOfRun(await this.#session.client(), environment, id);
    return writePromptfoo(folder, report, pipeline, environment);
  }

  async #handle(id: string): Promise<RunHandle> {
    const client = await this.#session.client();
    return client.workflow.getHandle(id);
  }
}
