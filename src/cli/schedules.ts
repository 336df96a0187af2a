import {
  type Client,
  type ScheduleExecutionResult,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { z } from 'zod';
import { TuneloopError } from '../errors.ts';
import { plainLine } from '../report/format.ts';
import { ensureSchedule } from '../temporal/ensure-schedule.ts';
import { retrainingId, scheduleId } from '../workflows/ids.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { alignColumns } from './run-table.ts';
import { runOptions } from './runs.ts';
import { withSession } from './session.ts';

const PREFIX = scheduleId('');
/** Times missed for longer than this, by a server that was down, are not made up for. */
const CATCHUP_WINDOW = '1 hour';

interface JsonOption {
  json?: boolean;
}

/** `schedule create FILE`: creates or changes the schedule of a pipeline; a paused one stays paused. */
export function createSchedule(
  file: string,
  options: JsonOption & { cron?: string; timezone?: string },
): Promise<number> {
  return withSession(async ({ client, environment }) => {
    const { pipeline, options: start } = await runOptions(environment, file);
    const cron = options.cron ?? pipeline.retraining.cron;
    if (!cron) {
      throw new TuneloopError('USAGE', `when? Give --cron "0 3 * * 1", or set retraining.cron in ${file}`);
    }
    const timezone = options.timezone || pipeline.retraining.timezone;
    const jitter = `${pipeline.retraining.jitter_minutes} minutes` as const;
    const spec = { cronExpressions: [cron], timezone, jitter };
    const action = {
      type: 'startWorkflow' as const,
      workflowType: 'retraining',
      workflowId: retrainingId(pipeline.name),
      ...start,
      staticSummary: `is there a reason to train ${pipeline.name} again?`,
    };
    // One that still goes on is not joined by a second one, and a failed one is looked at before the next.
    const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCHUP_WINDOW, pauseOnFailure: true };
    const id = scheduleId(pipeline.name);
    const created = await ensureSchedule(client, id, { spec, action, policies }).catch((error: unknown) => {
      throw badSpec(error, `${cron} ${timezone}`, file);
    });
    const { info } = await client.schedule.getHandle(id).describe();
    const next = info.nextActionTimes[0]?.toISOString() ?? null;
    const value = { pipeline: pipeline.name, scheduleId: id, cron, timezone, created, next };
    printResult(
      options.json,
      value,
      () => `${created ? 'Created' : 'Changed'}: ${cron} ${timezone}, next at ${next ?? NEVER}`,
    );
    return EXIT.ok;
  });
}

const NEVER = 'no time at all';

function badSpec(error: unknown, spec: string, file: string): unknown {
  // What the client makes of a specification that the server refuses.
  if (!(error instanceof TypeError)) return error;
  return new TuneloopError(
    'USAGE',
    `the schedule "${spec}" is refused (${error.message}): give five fields and an IANA time zone, for example --cron "0 3 * * 1" --timezone Europe/Berlin, or correct \`retraining\` in ${file}`,
  );
}

interface ScheduleRow {
  pipeline: string;
  paused: boolean;
  note: string | null;
  timezone: string;
  /** How often it has looked whether there is a reason to train. */
  looks: number;
  lastLook: Look | null;
  /** Times that went by because the look before still went on. */
  skippedOverlap: number;
  next: string | null;
}

interface Look {
  workflowId: string;
  /** ISO 8601. */
  at: string;
  /** `skipped` or `trained`; the status of the workflow where it has no result. */
  outcome: string;
  reason: string | null;
}

/** `schedule list`: the schedules of all pipelines. */
export function listSchedules(options: JsonOption): Promise<number> {
  return withSession(async ({ client }) => {
    const schedules: ScheduleRow[] = [];
    for await (const { scheduleId: id } of client.schedule.list()) {
      if (!id.startsWith(PREFIX)) continue;
      const description = await client.schedule.getHandle(id).describe().catch(nullIfNotFound);
      // The list is a moment behind.
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
    printResult(options.json, schedules, () =>
      schedules.length === 0
        ? 'There is no schedule yet: make one with `tuneloop schedule create FILE`.'
        : [
            alignColumns([
              ['pipeline', 'state', 'looks', 'last look', 'next'],
              ...schedules.map(({ pipeline, paused, looks, lastLook, next }) => [
                pipeline,
                paused ? 'paused' : 'active',
                `${looks}`,
                lastLook ? `${lastLook.at.slice(0, 16).replace('T', ' ')} ${lastLook.outcome}` : '',
                next ?? NEVER,
              ]),
            ]),
            ...schedules.flatMap(remarkLines),
          ].join('\n'),
    );
    return EXIT.ok;
  });
}

function nullIfNotFound(error: unknown): null {
  if (error instanceof ScheduleNotFoundError) return null;
  throw error;
}

/** What a look writes into its memo when it ends. */
const lookMemo = z.object({ outcome: z.string(), reason: z.string() });

async function lookOf(client: Client, last: ScheduleExecutionResult | undefined): Promise<Look | null> {
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

function remarkLines({ pipeline, paused, note, lastLook }: ScheduleRow): string[] {
  return [
    ...(lastLook?.reason ? [`${pipeline}, last look: ${plainLine(lastLook.reason)}`] : []),
    ...(paused && note ? [`${pipeline}, paused: ${plainLine(note)}`] : []),
  ];
}

type ScheduleChange = 'pause' | 'resume' | 'trigger' | 'delete';

const DONE: Record<ScheduleChange, string> = {
  pause: 'paused',
  resume: 'resumed',
  trigger: 'triggered, unless a look still goes on: `tuneloop schedule list` shows what has come of it',
  delete: 'deleted',
};

const CHANGES: Record<ScheduleChange, (client: Client, id: string) => Promise<void>> = {
  pause: (client, id) => client.schedule.getHandle(id).pause('paused by a person'),
  resume: (client, id) => client.schedule.getHandle(id).unpause('resumed by a person'),
  trigger: (client, id) => client.schedule.getHandle(id).trigger(ScheduleOverlapPolicy.SKIP),
  delete: (client, id) => client.schedule.getHandle(id).delete(),
};

/** `schedule pause|resume|trigger|delete PIPELINE`. */
export function changeSchedule(change: ScheduleChange, pipeline: string, options: JsonOption): Promise<number> {
  return withSession(async ({ client }) => {
    try {
      await CHANGES[change](client, scheduleId(pipeline));
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      throw new TuneloopError(
        'RUN_NOT_FOUND',
        `${pipeline} has no schedule: \`tuneloop schedule list\` shows those that there are`,
      );
    }
    printResult(options.json, { pipeline, change }, () => `${pipeline}: ${DONE[change]}`);
    return EXIT.ok;
  });
}
