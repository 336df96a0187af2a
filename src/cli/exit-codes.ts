import type { RunJson } from '../client/runs.ts';
import type { ErrorCode } from '../errors.ts';

export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  environment: 3,
  runFailed: 4,
  cancelled: 5,
  interrupted: 130,
} as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    an unknown error
  2    the command or the pipeline file cannot be used, or there is no such run or dataset
  3    a requirement is missing: Temporal, a program, a port, a variable
  4    the run failed
  5    the run was cancelled
  130  interrupted with Ctrl-C`;

const USAGE_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'USAGE',
  'PIPELINE_INVALID',
  'RUN_NOT_FOUND',
  'RUN_NOT_PAUSED',
  'DEPLOYMENT_NOT_FOUND',
  'DEPLOYMENT_CHANGED',
  'REPORT_UNREADABLE',
  'DATASET_NOT_FOUND',
]);

/** The exit code of a command that has followed a run to its end. */
export function exitCodeOfRun({ status }: Pick<RunJson, 'status'>): number {
  if (status === 'completed') return EXIT.ok;
  return status === 'cancelled' ? EXIT.cancelled : EXIT.runFailed;
}

/** The exit code of a command that an error ended. */
export function exitCodeOf(code: ErrorCode): number {
  return USAGE_ERRORS.has(code) ? EXIT.usage : EXIT.environment;
}
