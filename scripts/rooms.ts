/**
 * Who may import whom, one entry a room, from the top down: a room imports only rooms below it, so that there is no circle
 * of rooms. Every room may import itself. `npm run check:imports` holds the code in src/ and packages/ to it, and checks that
 * ARCHITECTURE.md shows the same table. Tests, scripts and benchmarks may import everything.
 */
export interface Room {
  /** How other entries name the room. */
  readonly name: string;
  /** Its files and folders, from the root of the repository; a folder ends in `/`. A file belongs to the longest path that fits. */
  readonly paths: readonly string[];
  /** What is in it, as Markdown. */
  readonly holds: string;
  /** The rooms that it may import. */
  readonly imports: readonly string[];
  /** Further rooms of which it may import types, and nothing else. */
  readonly types?: readonly string[];
  /** The npm packages that it may import; all, where this is absent. Types of all packages are allowed. */
  readonly libraries?: readonly string[];
}

/** What the rooms that put the parts together have in common. */
const PARTS = [
  'planning',
  'data',
  'sources',
  'providers',
  'stores',
  'environment',
  'profiles',
  'contract',
  'core',
  'errors',
  '@tuneloop/app',
];

export const ROOMS: readonly Room[] = [
  {
    name: 'client.ts',
    paths: ['src/client.ts'],
    holds: 'the entry point of the command line',
    imports: ['cli', 'environment', 'local', 'providers', 'profiles', 'errors'],
  },
  {
    name: 'worker.ts',
    paths: ['src/worker.ts'],
    holds: 'the entry point of the worker process',
    imports: ['worker', 'providers', 'stores', 'environment', 'profiles', 'core', 'errors'],
  },
  {
    name: 'cli',
    paths: ['src/cli/'],
    holds: 'the command line: arguments, text, exit codes; one file a group of commands',
    imports: [
      ...PARTS,
      'config',
      'client',
      'gateway',
      'lineage',
      'local',
      '@tuneloop/local-trainer',
      'report',
      'worker',
    ],
  },
  {
    name: 'client',
    paths: ['src/client/'],
    holds: 'the library: what a command does, as functions that return data and throw `TuneloopError`',
    imports: [...PARTS, 'config', 'lineage', 'local', 'report', 'worker'],
  },
  {
    name: 'local',
    paths: ['src/local/'],
    holds:
      'what the demo starts on this machine, how it ends, and the program of the development server; `engine/` installs what LLMs are trained with',
    imports: [
      'core',
      'contract',
      'profiles',
      'environment',
      'stores',
      'providers',
      'worker',
      '@tuneloop/local-trainer',
      '@tuneloop/app',
      'errors',
    ],
  },
  {
    name: '@tuneloop/local-trainer',
    paths: ['packages/local-trainer/'],
    holds: '`@tuneloop/local-trainer`: HTTP server, queue, models, faults on purpose',
    imports: ['random', '@tuneloop/app'],
  },
  {
    name: 'worker',
    paths: ['src/worker/'],
    holds: 'connections to Temporal, the worker and its shutdown, schedules, search attributes',
    imports: ['core', 'contract', 'stores', 'activities', 'errors'],
  },
  {
    name: 'workflows',
    paths: ['src/workflows/'],
    holds: 'orchestration, one file a workflow; the steps of each are in `steps/`',
    imports: ['core', 'contract'],
    types: ['activities'],
    libraries: ['@temporalio/workflow', '@temporalio/common'],
  },
  {
    name: 'activities',
    paths: ['src/activities/'],
    holds:
      'one file a step; thin adapters around the pure rooms and the ports. `support/` holds what several of them need',
    imports: ['random', ...PARTS, 'config', 'report', 'scoring'],
  },
  {
    name: 'gateway',
    paths: ['src/gateway/'],
    holds: "servers of ours: `serve/` calls a deployment, `webhooks/` receives a provider's notices",
    imports: ['core', 'contract', 'profiles', 'environment', 'stores', 'providers', '@tuneloop/app', 'errors'],
  },
  {
    name: 'testing',
    paths: ['src/testing/'],
    holds: '`tuneloop/testing`: the rules of each port as tests for any test runner, with no dependency on one',
    imports: ['core', 'profiles', 'stores', 'providers', 'sources', '@tuneloop/app', 'errors'],
    types: ['config', 'data'],
  },
  {
    name: 'lineage',
    paths: ['src/lineage/'],
    holds: 'what a model was made of; what holds a row, and how it is erased',
    imports: [...PARTS, 'config', 'report'],
  },
  {
    name: 'report',
    paths: ['src/report/'],
    holds: 'pure: the report of a run as Markdown, HTML (`html/`), JUnit XML and promptfoo config',
    imports: ['core', '@tuneloop/app', 'errors'],
  },
  {
    name: 'config',
    paths: ['src/config/'],
    holds: 'the pipeline file: its schema and its reader',
    imports: [
      'core',
      'contract',
      'profiles',
      'stores',
      'providers',
      'sources',
      'scoring',
      '@tuneloop/app',
      'errors',
      'environment',
    ],
  },
  {
    name: 'scoring',
    paths: ['src/scoring/'],
    holds: "how an answer is scored: `metrics/` (one file each, pure), a judge, a function of the user's",
    imports: ['core', 'contract', 'profiles', 'stores', 'providers', 'data', '@tuneloop/app', 'errors'],
  },
  {
    name: 'planning',
    paths: ['src/planning/'],
    holds:
      'what a run does before it pays: it reads the log, makes a dataset version and lays out the sweep. A step tells its progress through a port, so that a worker and a command run the same code',
    imports: ['data', 'sources', 'providers', 'stores', 'profiles', 'contract', 'core', '@tuneloop/app', 'errors'],
  },
  {
    name: 'data',
    paths: ['src/data/'],
    holds:
      'from log rows to a dataset version: `rows/`, `instructions/`, `dependence/`, `redaction/`, `split/`, `drift/` are pure, a row or a column at a time; `prepare/` does it for whole logs with threads and scratch files; `labels/` are the later answers and the sheet for people',
    imports: ['random', 'core', 'contract', 'profiles', 'stores', 'providers', 'sources', '@tuneloop/app', 'errors'],
  },
  {
    name: 'sources',
    paths: ['src/sources/'],
    holds:
      'where production pairs come from: JSONL, CSV, Postgres, stored completions, Langfuse; one port, one conformance suite. `kinds/` has the keys of each and how it is opened',
    imports: ['core', 'profiles', 'environment', 'stores', 'providers', '@tuneloop/app', 'errors'],
  },
  {
    name: 'providers',
    paths: ['src/providers/'],
    holds:
      'three ports (training, inference, stored log), the OpenAI-protocol client, the one error classifier, requests that are sent again and what they cost',
    imports: ['core', 'contract', 'profiles', 'environment', 'stores', '@tuneloop/app', 'errors'],
  },
  {
    name: 'stores',
    paths: ['src/stores/'],
    holds:
      'the layout of the home folder, artifact store, records that are only ever appended (dataset versions, aliases), answers that were paid for, past winners, what runs on this machine',
    imports: ['core', 'contract', 'profiles', '@tuneloop/app', 'errors'],
    types: ['environment'],
  },
  {
    name: 'environment',
    paths: ['src/config/environment.ts', 'src/config/prices.ts', 'src/config/prices.json'],
    holds: 'settings of the machine and prices: the only reader of `process.env`',
    imports: ['core', 'contract', 'profiles', '@tuneloop/app', 'errors'],
  },
  {
    name: 'profiles',
    paths: ['src/providers/profile.ts', 'src/providers/profiles/'],
    holds: 'what each provider is, as data',
    imports: ['core'],
  },
  {
    name: 'contract',
    paths: ['src/contract/'],
    holds:
      'what workflows are called and which messages they take (`messages.ts`), ids, search attributes, timeouts and retries, which workflows, activities and clients share; `stored/` says how each stored object is written and read: a type that only the stored object has is declared there, all others in `core`',
    imports: ['core', '@tuneloop/app', 'errors'],
  },
  {
    name: 'core',
    paths: ['src/core/'],
    holds:
      'pure, all that a workflow may run: the run (`run/`: the pipeline, the types that a run carries from step to step, plan, early stop, account, result), what a dataset is made of (`dataset/`), the comparison (`evaluation/`), the rules of a deployment (`deployment/`), texts (`text/`)',
    imports: ['random'],
    types: ['@tuneloop/app'],
    libraries: [],
  },
  {
    name: 'errors',
    paths: ['src/errors.ts'],
    holds: 'every error code',
    imports: ['@tuneloop/app'],
  },
  {
    name: '@tuneloop/app',
    paths: ['packages/app/'],
    holds:
      '`@tuneloop/app`, what an application imports: `capture/` writes the log of its calls, `predict/` calls a deployment, `prompt/` cuts instructions off, `errors`. `shared/` is for the other two packages and promises nothing',
    imports: [],
  },
  {
    name: 'random',
    paths: ['packages/app/src/shared/random.ts'],
    holds: 'the one generator of seeded random numbers, which is as pure as `core`',
    imports: [],
  },
];
