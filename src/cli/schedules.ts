import { type Client, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { TuneloopError } from '../errors.ts';
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
    const timezone = options.timezone ?? pipeline.retraining.timezone ?? 'UTC';
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
      throw badSpec(error, cron);
    });
    const { info } = await client.schedule.getHandle(id).describe();
    const next = info.nextActionTimes[0]?.toISOString() ?? null;
    const value = { pipeline: pipeline.name, scheduleId: id, cron, timezone, created, next };
    printResult(options.json, value, () => `${created ? 'Created' : 'Changed'}: ${cron} ${timezone}, next at ${next}`);
    return EXIT.ok;
  });
}

function badSpec(error: unknown, cron: string): unknown {
  const details = error instanceof Error && 'details' in error ? String(error.details) : String(error);
  return /cron|spec/i.test(details)
    ? new TuneloopError(
        'USAGE',
        `the schedule "${cron}" is refused (${details}): give five fields, for example "0 3 * * 1"`,
      )
    : error;
}

interface ScheduleRow {
  pipeline: string;
  paused: boolean;
  note: string | null;
  timezone: string;
  runs: number;
  skipped: number;
  next: string | null;
}

/** `schedule list`: the schedules of all pipelines. */
export function listSchedules(options: JsonOption): Promise<number> {
  return withSession(async ({ client }) => {
    const schedules: ScheduleRow[] = [];
    for await (const { scheduleId: id } of client.schedule.list()) {
      if (!id.startsWith(PREFIX)) continue;
      const { info, state, spec } = await client.schedule.getHandle(id).describe();
      schedules.push({
        pipeline: id.slice(PREFIX.length),
        paused: state.paused,
        note: state.note ?? null,
        timezone: spec.timezone ?? 'UTC',
        runs: info.numActionsTaken,
        skipped: info.numActionsSkippedOverlap,
        next: info.nextActionTimes[0]?.toISOString() ?? null,
      });
    }
    printResult(options.json, schedules, () =>
      schedules.length === 0
        ? 'There is no schedule yet: make one with `tuneloop schedule create FILE`.'
        : alignColumns([
            ['pipeline', 'state', 'runs', 'skipped', 'next'],
            ...schedules.map(({ pipeline, paused, runs, skipped, next }) => [
              pipeline,
              paused ? 'paused' : 'active',
              `${runs}`,
              `${skipped}`,
              next ?? '',
            ]),
          ]),
    );
    return EXIT.ok;
  });
}

type ScheduleChange = 'pause' | 'resume' | 'trigger' | 'delete';

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
    printResult(options.json, { pipeline, change }, () => `${pipeline}: ${change} done`);
    return EXIT.ok;
  });
}
