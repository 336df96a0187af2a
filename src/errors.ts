import { APP_ERROR_CODES, TuneloopError as AppError } from '@tuneloop/app/errors';

/**
 * Every error that Tuneloop raises on purpose, by code. A message says what is wrong, where (file, line, key) and what
 * to do about it. The code is also the `type` of the Temporal failure, so that it can be read off a history.
 */
export const ERROR_CODES = {
  PIPELINE_INVALID: 'the pipeline file cannot be used as it is',
  ENVIRONMENT_INVALID: 'an environment variable is missing or has a value that cannot be used',
  SOURCE_NOT_FOUND: 'no log was found where the pipeline says',
  SOURCE_EMPTY: 'the log holds no row',
  SOURCE_UNREADABLE: 'a file or a table of the log cannot be read to its end',
  SOURCE_UNREACHABLE: 'the database of the log does not answer',
  SOURCE_COLUMNS: 'a table of the log lacks columns that a call needs',
  SOURCE_ROW_INVALID: 'a row of a log or of a test file cannot be read',
  INSTRUCTIONS_NOT_FOUND: 'the prompts of the log do not share a template, so inputs cannot be cut out',
  DATASET_CHANGED: 'another run has made a dataset version meanwhile; the step is done again on top of it',
  DATASET_NOT_FOUND: 'no dataset version has this name',
  ANALYZER_UNREACHABLE: 'the analyzer of personal data does not answer',
  ANALYZER_REFUSED: 'the analyzer of personal data refuses a text or gives what is no answer',
  FILE_TOO_LARGE: 'a training file is larger than fine-tuning services take',
  ANSWERS_NOT_LABELS: 'the answers of a classification are no labels, or are all the same',
  TOO_FEW_EXAMPLES: 'too few examples are left to train on',
  BUDGET_EXCEEDED: 'the budget does not pay for what the run has to do',
  PROVIDER_UNREACHABLE: 'the provider does not answer',
  PROVIDER_REFUSED: 'the provider refused a request for good',
  PROVIDER_QUOTA: 'a quota, a balance or a limit on spending at the provider is used up; the run waits for a person',
  PROVIDER_CLOSED: 'the provider does not let this organization train; the run waits for a person',
  PROVIDER_UNAVAILABLE: 'the provider could not answer now; the request is tried again',
  JOB_PENDING: 'a fine-tuning job has not ended yet; it is asked for again',
  JOB_DEADLINE: 'a fine-tuning job did not get on in time and was cancelled',
  MODEL_PENDING: 'a tuned model cannot be called yet; it is asked again',
  MODEL_NOT_READY: 'a tuned model could not be called in time after its job had succeeded',
  LEASE_PENDING: 'a serving lease does not answer yet; it is asked for again',
  LEASE_NOT_READY: 'a serving lease did not answer in time and was removed',
  LEASE_FAILED: 'a serving lease failed at its provider, or was removed there',
  REPORT_UNREADABLE: 'the report of a run is missing, or of a form that this version does not know',
  RUN_NOT_PAUSED: 'only a run that is paused can be resumed',
  SCORER_FAILED: 'a scoring function of the user is not there, fails, or gives no score',
  PAYLOAD_TOO_LARGE: 'what an activity was given or returns is too large for a history',
  ALL_CANDIDATES_FAILED: 'no candidate survived',
  DISK_FULL: 'there is no space left where artifacts and reports are kept; the run waits for a person',
  ARTIFACT_CORRUPT: 'a stored artifact is missing or its bytes are not those that were written',
  ARTIFACT_ERASED: 'a stored artifact was erased on purpose, because it held a row that had to be forgotten',
  ERASURE_BLOCKED: 'a row cannot be erased while a run works with it',
  TEMPORAL_UNREACHABLE: 'no Temporal server answers',
  TEMPORAL_UNAVAILABLE_HERE: 'no Temporal server could be started on this machine',
  RUN_NOT_FOUND: 'no run or schedule has this id',
  SERVICE_FAILED: 'a program that was started beside this one did not come up',
  DEPLOYMENT_NOT_FOUND: 'no deployment or model has this name',
  DEPLOYMENT_CHANGED: 'a decision was asked for that does not fit the deployment as it is now',
  WEBHOOK_REFUSED: 'a notification could not be delivered',
  USAGE: 'the command cannot be understood',
  ...APP_ERROR_CODES,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The error class of `app-errors.ts` with all codes. There is one class, so that `instanceof` holds everywhere. */
export type TuneloopError = AppError<ErrorCode>;
export const TuneloopError: new (code: ErrorCode, message: string) => TuneloopError = AppError;
