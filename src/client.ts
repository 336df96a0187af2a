#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { GATEWAY_PORT, WEBHOOK_SECRET, WEBHOOKS_PORT } from './cli/defaults.ts';
import type { DecisionOptions } from './cli/deployments.ts';
import { EXIT, EXIT_CODES_HELP, exitCodeOf } from './cli/exit-codes.ts';
import { printError, printResult, say } from './cli/output.ts';
import { ENVIRONMENT_HELP, readEnvironment } from './config/environment.ts';
import { TuneloopError } from './errors.ts';
import { TRAINER_PORT } from './providers/profiles/local.ts';

const program = new Command('tuneloop')
  .description(packageJson.description)
  .version(packageJson.version)
  .addHelpText('after', `${ENVIRONMENT_HELP}\n${EXIT_CODES_HELP}`)
  .showHelpAfterError('(tuneloop --help shows the commands)')
  .configureHelp({ showGlobalOptions: false })
  .exitOverride();

/** Defines a command that returns its exit code. All of them take --json, and show an example in their help. */
function command(parent: Command, usage: string, description: string, example: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option('--json', 'print the result as one JSON object on the last line of standard output')
    .addHelpText('after', `\nExample:\n  ${example}`);
}

/** A command by which a person decides something about a deployment. */
function decisionCommand(usage: string, description: string, example: string): Command {
  return command(program, usage, description, example)
    .requiredOption('--why <text>', 'kept with the decision', reason)
    .option('--by <name>', 'the person who decides (default: the user of this machine)')
    .option('--decision <n>', 'the newest decision that you have seen; refused if there is a newer one', wholeNumber);
}

// biome-ignore lint/suspicious/noExplicitAny: commander's own type for the arguments of an action
function exitWith(action: (...args: any[]) => Promise<number>) {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return async (...args: any[]) => {
    process.exitCode = await action(...args);
  };
}

/** As {@link exitWith}, for a command whose module is loaded when it runs: all modules together take a second to load. */
function lazily<Args extends unknown[]>(load: () => Promise<(...args: Args) => Promise<number>>) {
  return exitWith(async (...args: Args) => (await load())(...args));
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number above 0.');
  return value;
}

function shareOfCalls(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('It must be more than 0 and at most 1.');
  return value;
}

/** Decisions are kept in every alias, so they have to be short. */
function reason(text: string): string {
  const length = text.trim().length;
  if (length < 1 || length > 1000) throw new InvalidArgumentError('It must have 1 to 1000 characters.');
  return text.trim();
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) {
    throw new InvalidArgumentError('It must be a port from 0 (any free one) to 65535.');
  }
  return value;
}

command(
  program,
  'demo',
  'start the missing services, run a pipeline, show it, stop the started services',
  'tuneloop demo --keep',
)
  .option('--pipeline <file>', 'another pipeline file (default: the example support-triage)')
  .option('--llm', 'fine-tune a real LLM on the example: minutes, needs `tuneloop engine install`')
  .option('--keep', 'leave Temporal, trainer and worker running')
  .option('--job-seconds <n>', 'stretch each local training job to about this many seconds', positive)
  .action(lazily(async () => (await import('./cli/demo.ts')).demo));

command(program, 'run <file>', 'start a run of a pipeline', 'tuneloop run pipeline.yaml --wait')
  .option('--wait', 'show it until it ends')
  .action(lazily(async () => (await import('./cli/run-commands.ts')).run));

command(
  program,
  'plan <file>',
  'show the candidates of a run and its highest cost, before anything is paid',
  'tuneloop plan pipeline.yaml',
).action(lazily(async () => (await import('./cli/plan.ts')).plan));
command(
  program,
  'providers [name]',
  'show the providers: base models, prices, what differs in training and serving, and options',
  'tuneloop providers fireworks',
).action(lazily(async () => (await import('./cli/providers.ts')).providers));
command(program, 'watch <id>', 'show a run until it ends', 'tuneloop watch support-triage/20261123-081530-042').action(
  lazily(async () => (await import('./cli/run-commands.ts')).watch),
);

command(program, 'list', 'list the runs, newest first', 'tuneloop list --limit 5')
  .option('--limit <n>', 'how many', wholeNumber, 20)
  .action(lazily(async () => (await import('./cli/run-commands.ts')).list));

command(
  program,
  'cancel <id>',
  'cancel a run and its jobs at the provider',
  'tuneloop cancel support-triage/20261123-081530-042',
).action(lazily(async () => (await import('./cli/run-commands.ts')).cancel));

command(
  program,
  'resume <id>',
  'resume a run that was paused, for a quota for example',
  'tuneloop resume support-triage/20261123-081530-042',
).action(lazily(async () => (await import('./cli/run-commands.ts')).resume));

command(
  program,
  'report <id>',
  'print the report of a run, or write it in other forms',
  'tuneloop report support-triage/20261123-081530-042 --junit tuneloop.xml',
)
  .option('--junit <file>', 'write JUnit XML, for CI')
  .option('--promptfoo <folder>', 'write a promptfoo config with the judging rows, to repeat the last comparison')
  .option('--open', 'show the HTML in the browser')
  .action(lazily(async () => (await import('./cli/report.ts')).report));

command(
  program,
  'compare <run> <other>',
  'show how the second run differs from the first',
  'tuneloop compare support-triage/20261116-081530-042 support-triage/20261123-081530-042',
).action(lazily(async () => (await import('./cli/compare.ts')).compare));

command(
  program,
  'predict <id> <text>',
  'ask the serving model of a pipeline, or the winner of a run, with the input alone',
  'tuneloop predict support-triage "Where is my invoice?"',
).action(lazily(async () => (await import('./cli/run-commands.ts')).predict));

command(program, 'deployments', 'list the serving model of each pipeline', 'tuneloop deployments').action(
  lazily(async () => (await import('./cli/deployments.ts')).listDeployments),
);
for (const [update, description] of [
  ['approve', 'promote the winner that waits'],
  ['reject', 'drop the winner that waits, or that gets a share of the calls'],
  ['rollback', 'go back to the model that served before'],
] as const) {
  decisionCommand(`${update} <pipeline>`, description, `tuneloop ${update} support-triage --why "looks good"`).action(
    exitWith(async (pipeline: string, options: DecisionOptions) => {
      const { decide } = await import('./cli/deployments.ts');
      return decide(update, pipeline, options);
    }),
  );
}
decisionCommand(
  'canary <pipeline>',
  'give the winner a share of the calls',
  'tuneloop canary support-triage 0.25 --why "a busy day"',
)
  .argument('<share>', 'more than 0, at most 1; 1 makes it the champion', shareOfCalls)
  .action(lazily(async () => (await import('./cli/deployments.ts')).setCanary));
decisionCommand(
  'propose <run>',
  'propose the winner of a run, whatever the run recommends',
  'tuneloop propose support-triage/20261123-081530-042 --why "the flips are fine"',
).action(lazily(async () => (await import('./cli/deployments.ts')).propose));
command(
  program,
  'history <pipeline>',
  'show the decisions of a deployment, newest first',
  'tuneloop history support-triage',
)
  .option('--limit <n>', 'how many', wholeNumber, 20)
  .action(lazily(async () => (await import('./cli/deployments.ts')).showHistory));

command(
  program,
  'budget',
  'show the spending of all runs in this month, and the reservations',
  'tuneloop budget --json',
).action(lazily(async () => (await import('./cli/spending.ts')).budget));

command(
  program,
  'sweep',
  'cancel orphaned jobs at the provider now, instead of within ten minutes',
  'tuneloop sweep',
).action(lazily(async () => (await import('./cli/spending.ts')).sweep));

command(
  program,
  'inspect <file>',
  'show the prompts of a log: instructions, slots, tokens before and after, and the rows that do not fit',
  'tuneloop inspect pipeline.yaml',
).action(lazily(async () => (await import('./cli/inspect.ts')).inspect));

command(
  program,
  'label <file>',
  'let a teacher model answer calls without an answer, and people the doubtful ones',
  'tuneloop label pipeline.yaml --limit 100',
)
  .option('--limit <n>', 'ask the teacher for at most this many rows', wholeNumber)
  .option('--export <sheet>', 'write the rows that a person should look at to a CSV file')
  .option('--import <sheet>', 'import the column actual of such a file')
  .option('--force', 'with --export: replace an existing file')
  .option('--accept', 'with --import: take labels that the log does not have')
  .option('--undo', 'take the latest import back')
  .option('--by <name>', 'with --import: the person who filled it in (default: the user of this machine)')
  .action(lazily(async () => (await import('./cli/label.ts')).label));

const dataset = program.command('dataset').description('look at the dataset versions that runs have made');
command(
  dataset,
  'list [pipeline]',
  'list dataset versions with their counts',
  'tuneloop dataset list support-triage',
).action(lazily(async () => (await import('./cli/datasets.ts')).listDatasets));
command(
  dataset,
  'show <version>',
  'show the contents of a version: sides, labels, odd rows, conflicts, files',
  'tuneloop dataset show support-triage@2',
).action(lazily(async () => (await import('./cli/datasets.ts')).showDataset));
command(
  dataset,
  'diff <a> <b>',
  'show the changes from one version to another, and that no row moved',
  'tuneloop dataset diff support-triage@1 support-triage',
).action(lazily(async () => (await import('./cli/datasets.ts')).diffDatasets));

const schedule = program.command('schedule').description('look by cron whether there is a reason to train again');

command(
  schedule,
  'create <file>',
  'create or change the schedule of a pipeline',
  'tuneloop schedule create pipeline.yaml --cron "0 3 * * 1" --timezone Europe/Berlin',
)
  .option('--cron <expression>', 'minute hour day month weekday (default: retraining.cron of the file)')
  .option('--timezone <name>', 'IANA time zone (default: retraining.timezone of the file, or UTC)')
  .action(lazily(async () => (await import('./cli/schedules.ts')).createSchedule));
command(schedule, 'list', 'list the schedules', 'tuneloop schedule list').action(
  lazily(async () => (await import('./cli/schedules.ts')).listSchedules),
);
for (const [change, description] of [
  ['pause', 'pause the looks'],
  ['resume', 'resume the looks'],
  ['trigger', 'look now, unless a look is running'],
  ['delete', 'delete the schedule; its runs stay'],
] as const) {
  command(schedule, `${change} <pipeline>`, description, `tuneloop schedule ${change} support-triage`).action(
    exitWith(async (pipeline: string, options: { json?: boolean }) => {
      const { changeSchedule } = await import('./cli/schedules.ts');
      return changeSchedule(change, pipeline, options);
    }),
  );
}

command(program, 'trainer', 'run the local trainer', 'tuneloop trainer --port 8484 --dir trainer-data')
  .option(
    '--address <address>',
    'address to listen on; one that other machines reach needs a token (default: 127.0.0.1)',
  )
  .option('--port <n>', 'port to listen on', port, TRAINER_PORT)
  .option('--token-file <file>', 'file of the token that requests have to bring (default: TUNELOOP_TRAINER_TOKEN)')
  .option('--new-token', 'make a token and show it once; with --token-file, write it there')
  .option('--dir <folder>', 'folder of its files, jobs and models (default: trainer in TUNELOOP_HOME)')
  .option('--job-seconds <n>', 'stretch each job to about this many seconds', positive)
  .option('--faults', 'let tests make it fail on purpose, and read what happened (/_faults, /_ledger)')
  .action(lazily(async () => (await import('./cli/trainer.ts')).trainer));

command(
  program,
  'explain <model>',
  'show the origin of a model: rows, dataset version, files, job, evaluation, decisions',
  'tuneloop explain support-triage',
)
  .option('--verify', 'read all artifacts and check their hashes')
  .action(lazily(async () => (await import('./cli/explain.ts')).explain));

command(
  program,
  'forget [id]',
  'list everything that holds a row; with --yes erase it from the home folder, for good',
  'tuneloop forget ticket-1042 --yes',
)
  .option('--input <text>', 'find rows by an input that is written like theirs, instead of an id')
  .option('--yes', 'erase the row; without it, everything that holds the row is only listed')
  .option('--at-provider', 'with --yes: delete the files and models that have the row at the provider too')
  .option('--no-server', 'with --yes: ask no Temporal server whether a run is open')
  .action(lazily(async () => (await import('./cli/forget.ts')).forget));

command(
  program,
  'serve',
  'answer OpenAI chat completions for all deployments, on this machine',
  'tuneloop serve --log logs/served.jsonl',
)
  .option('--port <n>', 'port on 127.0.0.1', port, GATEWAY_PORT)
  .option('--log <file>', 'add every call to this JSONL file, for canaries and retraining')
  .option('--fallback-model <name>', 'a model for the original prompt, instead of the one that the log names')
  .action(lazily(async () => (await import('./cli/serve.ts')).serve));

command(
  program,
  'webhooks',
  "receive the provider's messages about ended jobs, instead of waiting for the next question",
  'tuneloop webhooks --port 8788',
)
  .option('--port <n>', 'port on 127.0.0.1', port, WEBHOOKS_PORT)
  .option('--secret-env <name>', 'variable with the secret that the provider signs with', WEBHOOK_SECRET)
  .action(lazily(async () => (await import('./cli/webhooks.ts')).webhooks));

command(program, 'stop', 'stop the services that `demo --keep` has left running', 'tuneloop stop').action(
  exitWith(async (options: { json?: boolean }) => {
    const { stopKeptServices } = await import('./local/local-services.ts');
    const pids = await stopKeptServices(readEnvironment().home);
    printResult(options.json, { stopped: pids }, () =>
      pids.length > 0 ? `Stopped ${pids.length} processes.` : 'Nothing runs.',
    );
    return EXIT.ok;
  }),
);

const engine = program.command('engine').description('install what LLMs are trained and served with on this machine');
command(
  engine,
  'install',
  'make the Python environment of LLMs, and base models ready; says its size first',
  'tuneloop engine install --cpu',
)
  .option('--cpu', 'for the CPU (the default where no NVIDIA GPU is found)')
  .option('--cuda', 'for NVIDIA GPUs, with vLLM')
  .option('--model <name or folder...>', 'base models: smollm2-135m (the default), or folders in Transformers form')
  .option('--allow-downloads', 'allow models of the Hugging Face hub, by their names there')
  .option('--yes', 'do not ask')
  .action(lazily(async () => (await import('./cli/engine.ts')).install));
command(engine, 'status', 'show what is installed, and whether it works', 'tuneloop engine status').action(
  lazily(async () => (await import('./cli/engine.ts')).status),
);
command(
  engine,
  'remove',
  'remove all that engine install has made; model folders of your own stay',
  'tuneloop engine remove',
).action(lazily(async () => (await import('./cli/engine.ts')).remove));

command(
  program,
  'doctor',
  'show which requirements this machine meets, and how to get the missing ones',
  'tuneloop doctor',
).action(lazily(async () => (await import('./cli/doctor.ts')).doctor));

try {
  await program.parseAsync();
} catch (error) {
  const json = process.argv.includes('--json');
  const { ProviderError } = await import('./providers/provider-error.ts');
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else if (error instanceof TuneloopError || error instanceof ProviderError) {
    printError(json, error.code, error.message);
    process.exitCode = exitCodeOf(error.code);
  } else {
    printError(json, 'INTERNAL', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    if (error instanceof Error && readEnvironment().logLevel === 'debug') say(error.stack ?? '');
    process.exitCode = EXIT.unexpected;
  }
}
