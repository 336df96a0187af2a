import { homedir } from 'node:os';
import path from 'node:path';
import { TuneloopError } from '../errors.ts';
import { PROFILES } from '../providers/profiles/index.ts';

/**
 * The settings from the environment. Only this file reads `process.env`, except for the TEMPORAL_* variables of the Temporal SDK, which
 * `@temporalio/envconfig` reads itself.
 */
export interface Environment {
  /** Folder of everything that Tuneloop stores: artifacts, runs, and the state of the demo's services. */
  home: string;
  /** Folder for programs that were downloaded or built once, shared by all projects of a user. */
  cache: string;
  /** Folder of the engine for LLMs: its Python environments and base models. */
  engine: string;
  taskQueue: string;
  temporalCli: string | undefined;
  /** A bundle of the workflows that was built beforehand; without one, the worker bundles its own sources when it starts. */
  workflowBundle: string | undefined;
  /** Address of Temporal's Web UI, if it is not the one of our own development server. */
  temporalUi: string | undefined;
  trainerUrl: string | undefined;
  pricesFile: string | undefined;
  logLevel: string;
  /** The most that all runs together may spend in a month, in USD; null for no cap. */
  monthlyBudgetUsd: number | null;
  /** The variables with the key of a provider that are set; only {@link readApiKey} reads a key itself. */
  keysSet: string[];
  searchPath: string[];
}

/** Each provider that needs a key, and the variable that holds it. */
export const KEY_VARIABLES = Object.values(PROFILES).flatMap(({ name, keyVariable }) =>
  keyVariable === null ? [] : [{ name, keyVariable }],
);

export const ENVIRONMENT_HELP = `
Environment:
  TUNELOOP_HOME          folder of artifacts, runs and local state (default: .tuneloop)
  TUNELOOP_TRAINER_URL   base URL of the local trainer, for provider: local
  TUNELOOP_TRAINER_TOKEN the token that a trainer asks for; see tuneloop trainer --address
  TUNELOOP_ENGINE_DIR    folder of the engine for LLMs (default: engine in the user's cache folder for Tuneloop)
  TUNELOOP_TASK_QUEUE    Temporal task queue (default: tuneloop)
  TUNELOOP_PRICES        a JSON file of prices that replaces the one of the package
  TUNELOOP_MONTHLY_BUDGET_USD  the most that all runs together may spend in a calendar month (UTC); read by the worker
  TUNELOOP_LOG_LEVEL     trace, debug, info, warn, error or silent (default: info)
  TUNELOOP_UI_URL        Temporal's Web UI, for links
  TUNELOOP_WORKFLOW_BUNDLE  a workflow bundle of this version, so that the worker does not build one when it starts
  TEMPORAL_ADDRESS       a Temporal server; TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_PROFILE ... as the
                         Temporal SDK reads them
  TEMPORAL_CLI           path of a temporal program to start the development server with
${KEY_VARIABLES.map(({ name, keyVariable }) => `  ${keyVariable.padEnd(22)} for provider: ${name}`).join('\n')}
  AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET
                         for provider: azure too, to create the deployments that serve its models
  AZURE_MANAGEMENT_TOKEN a token that may stand in place of these three
  OPENAI_WEBHOOK_SECRET  for tuneloop webhooks`;

export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const home = path.resolve(env.TUNELOOP_HOME || '.tuneloop');
  return {
    home,
    cache: cacheFolder(env),
    engine: path.resolve(env.TUNELOOP_ENGINE_DIR || path.join(cacheFolder(env), 'engine')),
    taskQueue: env.TUNELOOP_TASK_QUEUE || 'tuneloop',
    temporalCli: env.TEMPORAL_CLI || undefined,
    workflowBundle: env.TUNELOOP_WORKFLOW_BUNDLE || undefined,
    temporalUi: env.TUNELOOP_UI_URL || undefined,
    trainerUrl: env.TUNELOOP_TRAINER_URL || undefined,
    pricesFile: env.TUNELOOP_PRICES || undefined,
    logLevel: env.TUNELOOP_LOG_LEVEL || 'info',
    monthlyBudgetUsd: readUsd('TUNELOOP_MONTHLY_BUDGET_USD', env),
    keysSet: KEY_VARIABLES.map(({ keyVariable }) => keyVariable).filter((variable) => Boolean(env[variable])),
    searchPath: (env.PATH ?? '').split(path.delimiter).filter(Boolean),
  };
}

/** Settings that a program gives itself; each wins over its variable. */
export interface EnvironmentOptions {
  /** Folder of artifacts, runs and local state, instead of TUNELOOP_HOME. */
  home?: string;
  /** Temporal task queue of the worker, instead of TUNELOOP_TASK_QUEUE. */
  taskQueue?: string;
  /** Base URL of the local trainer, instead of TUNELOOP_TRAINER_URL. */
  trainerUrl?: string;
  /** Temporal's Web UI, for links, instead of TUNELOOP_UI_URL. */
  temporalUi?: string;
  /** Amount in USD that all runs together may spend in a month, null for no cap, instead of TUNELOOP_MONTHLY_BUDGET_USD. */
  monthlyBudgetUsd?: number | null;
}

/** The environment, where a program's own settings replace those of the variables. */
export function environmentWith(options: EnvironmentOptions, env: NodeJS.ProcessEnv = process.env): Environment {
  const environment = readEnvironment(env);
  const { home, taskQueue, trainerUrl, temporalUi, monthlyBudgetUsd } = options;
  return {
    ...environment,
    home: home === undefined ? environment.home : path.resolve(home),
    taskQueue: taskQueue ?? environment.taskQueue,
    trainerUrl: trainerUrl ?? environment.trainerUrl,
    temporalUi: temporalUi ?? environment.temporalUi,
    monthlyBudgetUsd: monthlyBudgetUsd === undefined ? environment.monthlyBudgetUsd : monthlyBudgetUsd,
  };
}

/** Reads a key by the name of its variable. The key itself never leaves the process that makes the request. */
export function readApiKey(variable: string, env: NodeJS.ProcessEnv = process.env): string {
  return readSecret(variable, "the provider's key", env);
}

/** Reads the token of the trainer that this process runs or asks; undefined where none is set. */
export function readTrainerToken(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env.TUNELOOP_TRAINER_TOKEN ? readSecret('TUNELOOP_TRAINER_TOKEN', 'a token of the trainer', env) : undefined;
}

/** How Azure's management is entered: with a token, or with the credentials of an application that get one. */
export type AzureLogin = { token: string } | { tenant: string; clientId: string; clientSecret: string };

/** Reads what the management of Azure deployments needs, which takes no key of a resource. */
export function readAzureLogin(env: NodeJS.ProcessEnv = process.env): AzureLogin {
  if (env.AZURE_MANAGEMENT_TOKEN) return { token: readSecret('AZURE_MANAGEMENT_TOKEN', 'a token', env) };
  const what = 'that of an application of your Microsoft Entra tenant (or a token in AZURE_MANAGEMENT_TOKEN)';
  return {
    tenant: readSecret('AZURE_TENANT_ID', what, env),
    clientId: readSecret('AZURE_CLIENT_ID', what, env),
    clientSecret: readSecret('AZURE_CLIENT_SECRET', what, env),
  };
}

/** Reads the secret that webhooks are signed with, by the name of its variable. */
export function readWebhookSecret(variable: string, env: NodeJS.ProcessEnv = process.env): string {
  return readSecret(variable, 'a webhook secret, whsec_...,', env);
}

/** Reads a key of Langfuse by the name of its variable. */
export function readLangfuseKey(variable: string, env: NodeJS.ProcessEnv = process.env): string {
  return readSecret(variable, 'a key of the project in Langfuse', env);
}

/** Reads the address of a database, password included, by the name of its variable; like a key, it is used only where it is read. */
export function readDatabaseUrl(variable: string, env: NodeJS.ProcessEnv = process.env): string {
  const url = readSecret(variable, 'postgres://user:password@host/database', env);
  if (!URL.canParse(url) || !/^postgres(ql)?:/.test(url)) {
    throw new TuneloopError(
      'ENVIRONMENT_INVALID',
      `${variable} is no address of a database: set it to postgres://user:password@host/database`,
    );
  }
  return url;
}

function readSecret(variable: string, what: string, env: NodeJS.ProcessEnv): string {
  const secret = env[variable];
  if (!secret) {
    throw new TuneloopError(
      'ENVIRONMENT_INVALID',
      `${variable} is not set: put ${what} in this environment variable of this process`,
    );
  }
  // A client would quote it in an error.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are searched for
  if (/[\u0000-\u001f\u007f]/.test(secret)) {
    throw new TuneloopError(
      'ENVIRONMENT_INVALID',
      `${variable} holds a line break or another control character: set it to ${what} alone`,
    );
  }
  return secret;
}

function readUsd(variable: string, env: NodeJS.ProcessEnv): number | null {
  const text = env[variable];
  if (!text) return null;
  const usd = Number(text);
  // An unreadable cap must not turn into no cap.
  if (!(usd >= 0 && Number.isFinite(usd))) {
    throw new TuneloopError('ENVIRONMENT_INVALID', `${variable} is ${text}: give an amount in USD, such as 250`);
  }
  return usd;
}

/** The variables for a process that this one starts: its own, with some set or (undefined) taken away. */
export function childEnvironment(changes: Record<string, string | undefined>): NodeJS.ProcessEnv {
  return { ...process.env, ...changes };
}

/** Variables that hold no secret, and that Python may need. */
const HARMLESS =
  /^(PATH|HOME|USER|USERPROFILE|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|APPDATA|LOCALAPPDATA|SYSTEMROOT|XDG_\w+|PYENV_\w+|CUDA_\w+|LD_LIBRARY_PATH|OMP_NUM_THREADS)$/i;
const NETWORK = /^((HTTPS?|NO|ALL)_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE)$/i;

/** The variables for Python: only those of this process that are known to hold no secret; a proxy may, and is for programs that download. */
export function pythonEnvironment(changes: Record<string, string>, downloads = false): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => HARMLESS.test(name) || (downloads && NETWORK.test(name)));
  return { ...Object.fromEntries(kept), PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1', ...changes };
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  // A relative path is to be ignored (XDG Base Directory Specification).
  if (env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME)) return path.join(env.XDG_CACHE_HOME, 'tuneloop');
  if (process.platform === 'darwin') return path.join(homedir(), 'Library', 'Caches', 'tuneloop');
  if (process.platform === 'win32' && env.LOCALAPPDATA) return path.join(env.LOCALAPPDATA, 'tuneloop', 'Cache');
  return path.join(homedir(), '.cache', 'tuneloop');
}
