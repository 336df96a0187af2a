import type { ErrorCode } from './errors.ts';

/** What a reader of the error page needs beside the meaning of a code, in whole sentences. */
export interface ErrorAdvice {
  /** Why it happens. */
  why: string;
  /** What to do. */
  fix: string;
  /**
   * What ends with it. `command`: a command or a run. `run`: only a run, a plan or a labelling, which a command may wait for.
   * `nothing`: the step is tried again, or the run is paused; the code is seen in the history of a workflow.
   */
  ends: 'command' | 'run' | 'nothing';
}

/**
 * Explains each error code. `ERROR_CODES` says what a code means; the texts here are the rest of `docs/reference/errors.md`,
 * which `npm run errors` writes. They are not beside the codes, because an application loads those of `@tuneloop/app`.
 */
export const ERROR_GUIDE: Readonly<Record<ErrorCode, ErrorAdvice>> = {
  PIPELINE_INVALID: {
    why: 'The file is missing, is not YAML or JSON, or has an unknown key, a wrong type or keys that do not go together.',
    fix: 'Change the key at the line that the message names. It says what is allowed there.',
    ends: 'command',
  },
  ENVIRONMENT_INVALID: {
    why: 'A key, an address or a number is read from a variable that is not set or cannot be used.',
    fix: 'Set the variable that the message names, in the process that needs it: keys belong to the worker.',
    ends: 'command',
  },
  SOURCE_NOT_FOUND: {
    why: 'No file has the name, or matches the glob, of `source.path`. Relative paths start at the pipeline file.',
    fix: 'Correct the path. On several machines, make sure that each worker sees the file.',
    ends: 'command',
  },
  SOURCE_EMPTY: {
    why: 'The log is empty, or every row of it was left out. The message counts the reasons.',
    fix: 'Write some calls to the log, widen `source.filter`, or correct the rows; `tuneloop inspect` shows them.',
    ends: 'command',
  },
  SOURCE_UNREADABLE: {
    why: 'A file changed while it was read or is damaged, the database refused the query, or `source.cursor` is empty in a row.',
    fix: 'Do what the message says about the file or the query, then start the run again.',
    ends: 'command',
  },
  SOURCE_UNREACHABLE: {
    why: 'The database does not answer, or takes no connection now. A run tries again by itself.',
    fix: 'Check that the database runs, and the address in the variable that `source.urlEnv` names.',
    ends: 'command',
  },
  SOURCE_COLUMNS: {
    why: 'The table has columns of other names than the keys of a log row.',
    fix: 'Name the columns under `source.columns`. The message lists those that exist.',
    ends: 'command',
  },
  SOURCE_ROW_INVALID: {
    why: 'A row of the test file cannot be used, or `clean.rows` is `strict` and a row of the log cannot be used.',
    fix: 'Correct the row that the message names, or set `clean.rows: lenient`, which leaves such rows out and counts them.',
    ends: 'command',
  },
  INSTRUCTIONS_NOT_FOUND: {
    why: 'The log holds several unlike prompts, or prompts whose fixed parts differ from call to call.',
    fix: 'Look at `tuneloop inspect`. Give each prompt a log of its own, or write the prompts in `clean.instructions.templates`.',
    ends: 'command',
  },
  DATASET_CHANGED: {
    why: 'Two runs of one pipeline prepared their data at the same time.',
    fix: 'Nothing: the step is done again.',
    ends: 'nothing',
  },
  DATASET_NOT_FOUND: {
    why: 'The name is mistyped, or the version lies in the home folder of another machine.',
    fix: 'Take a name of `tuneloop dataset list`, and check `TUNELOOP_HOME`.',
    ends: 'command',
  },
  ANALYZER_UNREACHABLE: {
    why: 'No Presidio analyzer answers at `clean.presidio.url`, or it is still starting. A run tries again by itself.',
    fix: 'Start the analyzer, or correct the address.',
    ends: 'command',
  },
  ANALYZER_REFUSED: {
    why: 'The analyzer has no model for `clean.presidio.language`, or another program answers at the address.',
    fix: 'Read the log of the analyzer, then correct `clean.presidio`.',
    ends: 'command',
  },
  FILE_TOO_LARGE: {
    why: 'The training file is larger than the provider takes.',
    fix: 'Take fewer rows with `source.filter`, or set `candidates.treatment: strip`, which leaves the inputs alone.',
    ends: 'run',
  },
  ANSWERS_NOT_LABELS: {
    why: 'Nearly every row has an answer of its own, answers list several labels, or all rows have one and the same answer.',
    fix:
      'Do as the message says: set `task: generation`, `target: { json_field: ... }` or `multi_label: true`. ' +
      'One constant answer needs no model.',
    ends: 'run',
  },
  TOO_FEW_EXAMPLES: {
    why: 'After cleaning and splitting, fewer rows are left than the provider trains on.',
    fix: 'Collect more rows, or lower `split.validation` and `split.test`. The report of issues says what was left out.',
    ends: 'run',
  },
  BUDGET_EXCEEDED: {
    why: 'A budget does not cover the next step, or there is a budget and no price to keep it by.',
    fix: 'Raise the budget that the message names, plan fewer candidates, or add the price to the file of `TUNELOOP_PRICES`.',
    ends: 'run',
  },
  PROVIDER_UNREACHABLE: {
    why: 'The provider does not answer at its address, or not in time. A run tries again by itself.',
    fix: 'Check the network, a proxy and `provider.baseURL`. For the local trainer: is it started?',
    ends: 'command',
  },
  PROVIDER_REFUSED: {
    why: 'The key is wrong, a model does not exist or is switched off, or the provider rejects the content of a request.',
    fix: 'Read the reason of the provider in the message, and correct the key or the pipeline. The request is not repeated.',
    ends: 'command',
  },
  PROVIDER_QUOTA: {
    why: 'The account at the provider has no money left, or has reached a limit that time alone does not lift.',
    fix: 'Add money or raise the limit at the provider, then `tuneloop resume RUN`. Nothing that was paid for is lost.',
    ends: 'command',
  },
  PROVIDER_CLOSED: {
    why: 'The provider no longer lets this organization create fine-tuning jobs.',
    fix: 'Have the organization enabled and `tuneloop resume RUN`, or name another provider in the pipeline.',
    ends: 'command',
  },
  PROVIDER_UNAVAILABLE: {
    why: 'The provider is overloaded, limits the rate of requests, or failed to answer. A run tries again by itself.',
    fix: 'Nothing in a run. Elsewhere, wait and repeat the command.',
    ends: 'command',
  },
  JOB_PENDING: {
    why: 'A fine-tuning job takes its time. Each question about it is an attempt that ends with this code.',
    fix: 'Nothing: it is asked again. `deadlines` says for how long.',
    ends: 'nothing',
  },
  JOB_DEADLINE: {
    why: 'The job stayed in one phase for longer than `deadlines` allows.',
    fix: 'Look at the job at the provider. Raise the deadline of the phase, and start a new run.',
    ends: 'run',
  },
  MODEL_PENDING: {
    why: 'Some providers need minutes between the end of a job and the first answer of its model.',
    fix: 'Nothing: the model is asked again until `deadlines.ready_minutes`.',
    ends: 'nothing',
  },
  MODEL_NOT_READY: {
    why: 'The model gave no answer within `deadlines.ready_minutes` after its job had succeeded.',
    fix: 'Look at the model at the provider. Raise the deadline, and start a new run.',
    ends: 'run',
  },
  LEASE_PENDING: {
    why: 'A machine that serves a tuned model takes minutes to start. Each question about it is an attempt that ends with this code.',
    fix: 'Nothing: it is asked again. `deadlines.serving_minutes` says for how long.',
    ends: 'nothing',
  },
  LEASE_NOT_READY: {
    why: 'The provider did not start the lease within `deadlines.serving_minutes`. It was removed, and costs nothing any more.',
    fix: 'Look at the capacity of the provider. Raise the deadline, or take another machine in `provider.options`, and start a new run.',
    ends: 'run',
  },
  LEASE_FAILED: {
    why: 'The provider reports that the machine failed, or somebody removed it there.',
    fix: 'Look at the deployment at the provider, and start a new run.',
    ends: 'run',
  },
  REPORT_UNREADABLE: {
    why: 'The run has no report yet, its file was changed, or another version of Tuneloop wrote it.',
    fix: 'Follow the run with `tuneloop watch`, restore the file, or use the version that wrote it.',
    ends: 'command',
  },
  RUN_NOT_PAUSED: {
    why: 'The run goes on by itself, or has ended.',
    fix: 'Nothing: look at `tuneloop watch RUN`.',
    ends: 'command',
  },
  SCORER_FAILED: {
    why: 'The module of `evaluation.scorer` cannot be loaded, or its function throws, takes over 60 s or gives no number from 0 to 1.',
    fix: 'Run the function by itself on a row of the log, and correct it. Its own message is not repeated, because it may hold the row.',
    ends: 'run',
  },
  PAYLOAD_TOO_LARGE: {
    why: 'A pipeline has very many candidates, so that a step would pass on more than Temporal keeps in a history.',
    fix: 'Plan fewer candidates with `candidates.jobs`.',
    ends: 'run',
  },
  ALL_CANDIDATES_FAILED: {
    why: 'Every fine-tuning job failed, was cancelled by a deadline, or gave a model that cannot be used.',
    fix: 'Read the reason of each candidate in the message. Usually one cause explains all of them.',
    ends: 'run',
  },
  DISK_FULL: {
    why: 'The disk of `TUNELOOP_HOME` is full, or its quota is used up.',
    fix: 'Free some space, then `tuneloop resume RUN`. The run is paused until then.',
    ends: 'nothing',
  },
  ARTIFACT_CORRUPT: {
    why: 'Client and workers use different home folders, or a file in the home folder was removed or changed by hand.',
    fix: 'Let all processes share one `TUNELOOP_HOME`, or restore the file from a backup.',
    ends: 'command',
  },
  STORED_FORMAT: {
    why: 'A newer version of Tuneloop wrote the object, or a version too old to be read now.',
    fix: 'Use the version that wrote it, or make the object again with a new run.',
    ends: 'command',
  },
  ARTIFACT_ERASED: {
    why: '`tuneloop forget` erased a row, and with it all copies of the object that held it.',
    fix: 'Start a new run: it makes a dataset version without that row.',
    ends: 'command',
  },
  ERASURE_BLOCKED: {
    why: 'A run that is open would write the row again after it was erased.',
    fix: 'Wait until the run has ended, or `tuneloop cancel` it, then repeat the command.',
    ends: 'command',
  },
  TEMPORAL_UNREACHABLE: {
    why: 'No server runs at the address, or no worker runs that could answer.',
    fix: 'Start the server or the worker, or set `TEMPORAL_ADDRESS`. `tuneloop doctor` says what it finds.',
    ends: 'command',
  },
  TEMPORAL_UNAVAILABLE_HERE: {
    why: 'No `temporal` program is installed, and none could be downloaded or built.',
    fix: 'Do one of the things that the message lists, such as installing the Temporal CLI.',
    ends: 'command',
  },
  RUN_NOT_FOUND: {
    why: 'The id is mistyped, belongs to another server or namespace, or the run has no winner to work with.',
    fix: 'Take an id of `tuneloop list` or a name of `tuneloop schedule list`.',
    ends: 'command',
  },
  SERVICE_FAILED: {
    why: 'The Temporal server, the trainer or the worker that `tuneloop demo` starts did not come up.',
    fix: 'Read the end of its log in the message. `tuneloop doctor` says what is missing.',
    ends: 'command',
  },
  DEPLOYMENT_NOT_FOUND: {
    why: 'The name is mistyped, or no winner of this pipeline has been deployed yet.',
    fix: 'Take a name of `tuneloop deployments`.',
    ends: 'command',
  },
  DEPLOYMENT_CHANGED: {
    why: 'Somebody else has decided meanwhile, or there is nothing to approve, reject or roll back.',
    fix: 'Look at `tuneloop history PIPELINE`, and decide on what is there now.',
    ends: 'command',
  },
  WEBHOOK_REFUSED: {
    why: 'The receiver of `notify` answers with an error, or its command fails. The deployment goes on without the message.',
    fix: 'Correct the receiver or `notify`. Refusals that may pass are tried again.',
    ends: 'nothing',
  },
  USAGE: {
    why: 'An option, an argument or the sheet that was given cannot be used.',
    fix: 'Read the message, or the command with `--help`.',
    ends: 'command',
  },
  LOCKED: {
    why: 'A demo, a trainer or another process works in the same folder.',
    fix: 'Wait for it, end it with `tuneloop stop`, or choose another folder with `TUNELOOP_HOME`.',
    ends: 'command',
  },
  PORT_TAKEN: {
    why: 'Another program listens on the port.',
    fix: 'Choose another one with `--port`, or `--port 0` for any that is free.',
    ends: 'command',
  },
  ALIAS_UNREADABLE: {
    why: 'A newer version of Tuneloop wrote the alias, its file was changed, or its JSON Schema is not valid.',
    fix: 'Bring `@tuneloop/app` in the application to the version of the workers.',
    ends: 'command',
  },
  PACKAGE_MISSING: {
    why: 'The application uses `postgresSink` without `pg`, or a deployment with a JSON Schema without `ajv`.',
    fix: 'Install the package that the message names in the application.',
    ends: 'command',
  },
  ENGINE_UNUSABLE: {
    why: 'A pipeline names a base model that is an LLM and the engine is not installed, its folder is damaged, or the installation failed.',
    fix: 'Run `tuneloop engine install`, after what the message asks for; `tuneloop engine status` says what is there.',
    ends: 'command',
  },
  TOKEN_NEEDED: {
    why: 'A trainer was told to listen beyond this machine without a token, or its token is short or has a line break.',
    fix: 'Set `TUNELOOP_TRAINER_TOKEN`, give `--token-file`, or have a token made with `--new-token`.',
    ends: 'command',
  },
  PREDICTION_FAILED: {
    why: 'Each model that could be asked failed, was too late or refused. The message has the reason of each.',
    fix: 'Check the key and the address of the client that the predictor was given, and its time limit.',
    ends: 'command',
  },
};
