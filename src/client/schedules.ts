import {
  type Client,
  type ScheduleExecutionResult,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { z } from 'zod';
import type { Environment } from '../config/environment.ts';
import { retrainingId, scheduleId } from '../contract/ids.ts';
import { WORKFLOWS } from '../contract/messages.ts';
import { TuneloopError } from '../errors.ts';
import { ensureSchedule } from '../worker/ensure-schedule.ts';
import { runOptions } from './runs.ts';
import type { TuneloopSession } from './session.ts';

const PREFIX = scheduleId('');
/** Looks that a server missed by longer than this, because it was down, are not caught up. */
const CATCHUP_WINDOW = '1 hour';

export interface ScheduleOptions {
  /** Minute, hour, day, month, weekday; `retraining.cron` of the file by default. */
  cron?: string;
  /** IANA time zone; `retraining.timezone` of the file by default. */
  timezone?: string;
}

/** A schedule that was created or changed. */
export interface SavedSchedule {
  pipeline: string;
  scheduleId: string;
  cron: string;
  timezone: string;
  /** False where an existing one was changed. */
  created: boolean;
  /** The next look, ISO 8601; null where there is none. */
  next: string | null;
}

/** The schedule of a pipeline in a list. */
export interface ListedSchedule {
  pipeline: string;
  paused: boolean;
  note: string | null;
  timezone: string;
  /** The number of looks so far. */
  looks: number;
  lastLook: ScheduleLook | null;
  /** Looks that were skipped because the one before was still running. */
  skippedOverlap: number;
  /** The next look, ISO 8601. */
  next: string | null;
}

/** The latest look of a schedule. */
export interface ScheduleLook {
  workflowId: string;
  /** ISO 8601. */
  at: string;
  /** `skipped` or `trained`; the status of the workflow where it has no result. */
  outcome: string;
  reason: string | null;
}

export type ScheduleChange = 'pause' | 'resume' | 'trigger' | 'delete';

/** Schedules: they look by cron for a reason to train again. */
export class ScheduleClient {
  readonly #session: TuneloopSession;

  constructor(session: TuneloopSession) {
    this.#session = session;
  }

  /**
   * Creates or changes the schedule of a pipeline; a paused one stays paused.
   *
   * @throws TuneloopError PIPELINE_INVALID, or USAGE where there is no cron expression or it is refused
   */
  async save(file: string, options: ScheduleOptions = {}): Promise<SavedSchedule> {
    return saveSchedule(await this.#session.client(), this.#session.environment, file, options);
  }

  /** The schedules of all pipelines. */
  async list(): Promise<ListedSchedule[]> {
    return listSchedules(await this.#session.client());
  }

  /** Pauses the looks. @throws TuneloopError RUN_NOT_FOUND where the pipeline has no schedule */
  pause(pipeline: string): Promise<void> {
    return this.change('pause', pipeline);
  }

  /** Resumes the looks. @throws TuneloopError RUN_NOT_FOUND where the pipeline has no schedule */
  resume(pipeline: string): Promise<void> {
    return this.change('resume', pipeline);
  }

  /** Looks now, unless a look is running. @throws TuneloopError RUN_NOT_FOUND where the pipeline has no schedule */
  trigger(pipeline: string): Promise<void> {
    return this.change('trigger', pipeline);
  }

  /** Deletes the schedule; its runs stay. @throws TuneloopError RUN_NOT_FOUND where the pipeline has no schedule */
  delete(pipeline: string): Promise<void> {
    return this.change('delete', pipeline);
  }

  /** {@link pause}, {@link resume}, {@link trigger} or {@link delete}, by name. */
  async change(change: ScheduleChange, pipeline: string): Promise<void> {
    return changeSchedule(await this.#session.client(), change, pipeline);
  }
}

async function saveSchedule(
  client: Client,
  environment: Environment,
  file: string,
  options: ScheduleOptions,
): Promise<SavedSchedule> {
  const { pipeline, options: start } = await runOptions(environment, file);
  const cron = options.cron ?? pipeline.retraining.cron;
  if (!cron) {
    throw new TuneloopError('USAGE', `no time is given: give --cron "0 3 * * 1", or set retraining.cron in ${file}`);
  }
  const timezone = options.timezone || pipeline.retraining.timezone;
  const jitter = `${pipeline.retraining.jitter_minutes} minutes` as const;
  const spec = { cronExpressions: [cron], timezone, jitter };
  const action = {
    type: 'startWorkflow' as const,
    workflowType: WORKFLOWS.retraining,
    workflowId: retrainingId(pipeline.name),
    ...start,
    staticSummary: `is there a reason to train ${pipeline.name} again?`,
  };
  // A running look is not joined by a second one, and a failed one does not keep the schedule from the next.
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCHUP_WINDOW, pauseOnFailure: true };
  const id = scheduleId(pipeline.name);
  const created = await ensureSchedule(client, id, { spec, action, policies }).catch((error: unknown) => {
    throw badSpec(error, `${cron} ${timezone}`, file);
  });
  const { info } = await client.schedule.getHandle(id).describe();
  const next = info.nextActionTimes[0]?.toISOString() ?? null;
  return { pipeline: pipeline.name, scheduleId: id, cron, timezone, created, next };
}

function badSpec(error: unknown, spec: string, file: string): unknown {
  // The client's error for a specification that the server refuses.
  if (!(error instanceof TypeError)) return error;
  return new TuneloopError(
    'USAGE',
    `the schedule "${spec}" is refused (${error.message}): give five fields and an IANA time zone, for example --cron "0 3 * * 1" --timezone Europe/Berlin, or correct \`retraining\` in ${file}`,
  );
}

async function listSchedules(client: Client): Promise<ListedSchedule[]> {
  const schedules: ListedSchedule[] = [];
  for await (const { scheduleId: id } of client.schedule.list()) {
    if (!id.startsWith(PREFIX)) continue;
    const description = await client.schedule.getHandle(id).describe().catch(nullIfNotFound);
    // The list lags a moment behind.
    if (!description) continue;
    const { info, state, spec } = description;
    schedules.push({
      pipeline: id.slice(PREFIX.length),
      paused: state.paused,
      note: state.note || null,
      timezone: spec.timezone ?? 'UTC',
      looks: info.numActionsTaken,
      lastLook: await lookOf(client, info.recentActions.at(-1)),
      skippedOverlap: info.numActionsSkippedOverlap,
      next: info.nextActionTimes[0]?.toISOString() ?? null,
    });
  }
  return schedules;
}

function nullIfNotFound(error: unknown): null {
  if (error instanceof ScheduleNotFoundError) return null;
  throw error;
}

/** The memo that a look writes when it ends. */
const lookMemo = z.object({ outcome: z.string(), reason: z.string() });

async function lookOf(client: Client, last: ScheduleExecutionResult | undefined): Promise<ScheduleLook | null> {
  if (!last) return null;
  const { workflowId, firstExecutionRunId } = last.action.workflow;
  const look = { workflowId, at: last.takenAt.toISOString() };
  try {
    const { status, memo } = await client.workflow.getHandle(workflowId, firstExecutionRunId).describe();
    const { data: result } = lookMemo.safeParse(memo?.result);
    return { ...look, outcome: result?.outcome ?? status.name.toLowerCase(), reason: result?.reason ?? null };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return { ...look, outcome: 'forgotten by the server', reason: null };
  }
}

const CHANGES: Record<ScheduleChange, (client: Client, id: string) => Promise<void>> = {
  pause: (client, id) => client.schedule.getHandle(id).pause('paused by a person'),
  resume: (client, id) => client.schedule.getHandle(id).unpause('resumed by a person'),
  trigger: (client, id) => client.schedule.getHandle(id).trigger(ScheduleOverlapPolicy.SKIP),
  delete: (client, id) => client.schedule.getHandle(id).delete(),
};

async function changeSchedule(client: Client, change: ScheduleChange, pipeline: string): Promise<void> {
  try {
    await CHANGES[change](client, scheduleId(pipeline));
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    throw new TuneloopError(
      'RUN_NOT_FOUND',
      `${pipeline} has no schedule: \`tuneloop schedule list\` shows the existing ones`,
    );
  }
}
