/**
 * The library of Tuneloop: what the command line does, for programs. Functions return data and throw
 * {@link TuneloopError}; none of them prints, reads arguments or ends the process.
 *
 * @example
 * ```ts
 * import { createTuneloop } from 'tuneloop';
 *
 * const tuneloop = createTuneloop({ home: '.tuneloop', temporal: { address: '127.0.0.1:7233' } });
 * try {
 *   const { runId } = await tuneloop.runs.start('pipeline.yaml');
 *   const { status, recommendation, reason } = await tuneloop.runs.follow(runId);
 *   console.log(status, recommendation, reason);
 * } finally {
 *   await tuneloop.close();
 * }
 * ```
 *
 * @module
 */
import { readPrices } from '../config/prices.ts';
import { BudgetClient } from './budget.ts';
import { type Checks, checkAll } from './checks.ts';
import { DatasetClient } from './datasets.ts';
import { DeploymentClient } from './deployments.ts';
import { LabelClient } from './labels.ts';
import { describeProviders, type ProviderDescription } from './providers.ts';
import { RunClient } from './run-client.ts';
import { ScheduleClient } from './schedules.ts';
import { type TuneloopOptions, TuneloopSession } from './session.ts';

/**
 * The library, bound to one home folder and one Temporal server. What needs a provider, a source or the packages of a worker
 * is loaded by the functions that use it, because commands such as `list` have to answer at once.
 */
export class Tuneloop implements AsyncDisposable {
  readonly runs: RunClient;
  readonly deployments: DeploymentClient;
  readonly schedules: ScheduleClient;
  readonly datasets: DatasetClient;
  readonly labels: LabelClient;
  readonly budget: BudgetClient;
  /** @internal Settings and connection, for the command line. */
  readonly session: TuneloopSession;

  /** @internal Use {@link createTuneloop}. */
  constructor(session: TuneloopSession) {
    this.session = session;
    this.runs = new RunClient(session);
    this.deployments = new DeploymentClient(session);
    this.schedules = new ScheduleClient(session);
    this.datasets = new DatasetClient(session);
    this.labels = new LabelClient(session);
    this.budget = new BudgetClient(session);
  }

  /** The requirements of Tuneloop that this machine meets, and how to get the missing ones. */
  check(): Promise<Checks> {
    return checkAll(this.session);
  }

  /** The providers that a pipeline can name: base models, prices, rules and options. Needs no key, server or network. */
  providers(): ProviderDescription[] {
    return describeProviders(readPrices(this.session.environment.pricesFile));
  }

  /** Closes the library's own connection. A connection that was handed in stays open. No function can be called afterwards. */
  close(): Promise<void> {
    return this.session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Creates the library. It reads the environment, and connects to Temporal with the first function that needs the server.
 *
 * @throws TuneloopError ENVIRONMENT_INVALID where a variable cannot be used
 */
export function createTuneloop(options: TuneloopOptions = {}): Tuneloop {
  return new Tuneloop(new TuneloopSession(options));
}

export type { RunProgress } from '../core/run/run-progress.ts';
export type { RunResult } from '../core/run/run-result.ts';
export { ERROR_CODES, type ErrorCode, TuneloopError } from '../errors.ts';
export type { RunComparison } from '../report/compare-runs.ts';
export type { Report } from '../report/report.ts';
export type { BudgetClient, MonthlyBudget } from './budget.ts';
export type {
  DecisionOptions,
  DeploymentClient,
  ListedDeployment,
  MadeDecision,
  PersonsUpdate,
} from './deployments.ts';
export type { HostEstimates } from './host-questions.ts';
export type { InspectedSlot, InspectedVersion, Inspection, InspectOptions } from './inspections.ts';
export type { ExportedSheet, ExportOptions, ImportedSheet, ImportOptions } from './label-sheets.ts';
export type { EndedLabelling, FollowLabellingOptions, LabellingLook } from './labellings.ts';
export type { LabelClient, StartedLabelling, TeachOptions } from './labels.ts';
export type { EndedPlan, PlannedRun, PlanOptions } from './plans.ts';
export type { PredictedAnswer } from './predictions.ts';
export type { DescribedModel, DescribedVariant, ProviderDescription } from './providers.ts';
export type { RunClient, StartedRun } from './run-client.ts';
export type { FollowOptions, RunLook } from './run-follower.ts';
export type { CancelledRun, ListedRun, ResumedRun } from './run-list.ts';
export type { RunJson, RunStatus } from './runs.ts';
export type {
  ListedSchedule,
  SavedSchedule,
  ScheduleChange,
  ScheduleClient,
  ScheduleLook,
  ScheduleOptions,
} from './schedules.ts';
export type { TuneloopOptions } from './session.ts';
