import type { ListedSchedule, ScheduleChange, ScheduleOptions } from '../client/schedules.ts';
import { plainLine } from '../core/text/format.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';
import { alignColumns } from './run-table.ts';
import { withSession } from './session.ts';

interface JsonOption {
  json?: boolean;
}

const NEVER = 'no time at all';

/** `schedule create FILE`: creates or changes the schedule of a pipeline; a paused one stays paused. */
export function createSchedule(file: string, options: JsonOption & ScheduleOptions): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    const saved = await tuneloop.schedules.save(file, options);
    const { created, cron, timezone, next } = saved;
    printResult(
      options.json,
      saved,
      () => `${created ? 'Created' : 'Changed'}: ${cron} ${timezone}, next at ${next ?? NEVER}`,
    );
    return EXIT.ok;
  });
}

/** `schedule list`: the schedules of all pipelines. */
export function listSchedules(options: JsonOption): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    const schedules = await tuneloop.schedules.list();
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

function remarkLines({ pipeline, paused, note, lastLook }: ListedSchedule): string[] {
  return [
    ...(lastLook?.reason ? [`${pipeline}, last look: ${plainLine(lastLook.reason)}`] : []),
    ...(paused && note ? [`${pipeline}, paused: ${plainLine(note)}`] : []),
  ];
}

const DONE: Record<ScheduleChange, string> = {
  pause: 'paused',
  resume: 'resumed',
  trigger: 'triggered, unless a look is still running: `tuneloop schedule list` shows its result',
  delete: 'deleted',
};

/** `schedule pause|resume|trigger|delete PIPELINE`. */
export function changeSchedule(change: ScheduleChange, pipeline: string, options: JsonOption): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    await tuneloop.schedules.change(change, pipeline);
    printResult(options.json, { pipeline, change }, () => `${pipeline}: ${DONE[change]}`);
    return EXIT.ok;
  });
}
