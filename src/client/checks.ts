import { hasCode } from '@tuneloop/app/internal/shared/files';
import packageJson from '../../package.json' with { type: 'json' };
import { type Environment, KEY_VARIABLES, readTrainerToken } from '../config/environment.ts';
import { isSafeBaseURL } from '../config/provider.ts';
import { TuneloopError } from '../errors.ts';
import { findServerProgram, isOlderThanTested } from '../local/server-program.ts';
import { SERVER_VERSION } from '../local/server-program-pin.ts';
import { trainerUrlOf } from '../stores/services-file.ts';
import { hasWorker, recently } from '../worker/task-queue.ts';
import type { TuneloopSession } from './session.ts';

/** One requirement of Tuneloop, or one optional program. */
export interface Check {
  name: string;
  /** `missing`: Tuneloop does not work without it. `absent`: only some functions need it. */
  state: 'ok' | 'absent' | 'missing';
  found: string;
  /** The advice to the user. */
  help: string | null;
}

/** The requirements that this machine meets, and the version of Tuneloop. */
export interface Checks {
  version: string;
  checks: Check[];
}

/** Checks the requirements of Tuneloop. A missing one is no error, but a check that says so. */
export async function checkAll(session: TuneloopSession): Promise<Checks> {
  const { environment } = session;
  const checks = [
    checkNode(),
    await checkServerProgram(environment),
    ...(await checkTemporal(session)),
    await checkTrainer(environment),
    await checkEngine(environment),
    checkKeys(environment),
  ];
  return { version: packageJson.version, checks };
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 22 || (major === 22 && minor >= 18);
  const help = ok ? null : 'Run through npm in a checkout, which brings its own Node, or install Node 22.18 or later';
  return { name: 'Node', state: ok ? 'ok' : 'missing', found: process.version, help };
}

async function checkServerProgram(environment: Environment): Promise<Check> {
  const name = 'temporal program';
  try {
    const program = await findServerProgram(environment);
    if (program) {
      const older = isOlderThanTested(program.version);
      const help = older
        ? `Older than ${SERVER_VERSION}, with which Tuneloop is tested: install a later Temporal CLI`
        : null;
      return { name, state: 'ok', found: `${program.file}: server ${program.version ?? 'of unknown version'}`, help };
    }
  } catch (error) {
    return { name, state: 'missing', found: error instanceof Error ? error.message : `${error}`, help: null };
  }
  const help = 'The demo downloads it, or builds it with Go; or install the Temporal CLI, or set TEMPORAL_CLI';
  return { name, state: 'absent', found: 'not on PATH and not in the cache folder', help };
}

async function checkTemporal(session: TuneloopSession): Promise<Check[]> {
  const { taskQueue } = session.environment;
  const { address } = session.target;
  const start = 'Start everything with `npm run demo -- --keep`, or set TEMPORAL_ADDRESS';
  try {
    const client = await session.client();
    const { serverVersion } = await client.workflowService.getSystemInfo({});
    const worker = await hasWorker(client, taskQueue, recently());
    return [
      { name: 'Temporal server', state: 'ok', found: `${address}, version ${serverVersion}`, help: null },
      {
        name: 'worker',
        state: worker ? 'ok' : 'absent',
        found: worker ? `waits on task queue ${taskQueue}` : `none on task queue ${taskQueue}`,
        help: worker ? null : 'Start one with `npm run worker`',
      },
    ];
  } catch (error) {
    if (!(error instanceof TuneloopError)) throw error;
    return [{ name: 'Temporal server', state: 'absent', found: `nothing answers at ${address}`, help: start }];
  }
}

/** At a trainer that asks for a token, its answer to the token says whether it is the right one. */
async function checkTrainer(environment: Environment): Promise<Check> {
  const name = 'local trainer';
  const url = trainerUrlOf(environment);
  const token = isSafeBaseURL(url) ? readTrainerToken() : undefined;
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const status = await fetch(`${url}/models`, { headers, redirect: 'manual', signal: AbortSignal.timeout(3000) }).then(
    (response) => response.status,
    () => undefined,
  );
  if (status === 200) return { name, state: 'ok', found: url, help: null };
  if (status === 401) {
    const help = 'Set TUNELOOP_TRAINER_TOKEN to the token that the trainer was started with';
    const found = `${url} refuses ${token === undefined ? 'requests without a token' : 'the token'}`;
    return { name, state: 'absent', found, help };
  }
  const found = status === undefined ? `nothing answers at ${url}` : `${url} answers with status ${status}`;
  const help = 'Needed for provider: local. Start one with `npm run -s tuneloop -- trainer`';
  return { name, state: 'absent', found, help };
}

/** Only what its files say: loading its modules takes seconds, and `engine status` does it. */
async function checkEngine({ engine }: Environment): Promise<Check> {
  const name = 'engine for LLMs';
  const install = 'Needed to fine-tune LLMs on this machine. Install it with `tuneloop engine install`';
  try {
    const { readStatus } = await import('../local/engine/status.ts');
    const { state, installed, models, problem, serving } = await readStatus(engine, { quick: true });
    if (installed === undefined || state !== 'ready') {
      return {
        name,
        state: 'absent',
        found: state === 'absent' ? `none in ${engine}` : `${state}: ${problem}`,
        help: install,
      };
    }
    const names = models.map((model) => model.name).join(', ') || 'no base model';
    return { name, state: 'ok', found: `for ${installed.device}, Python ${installed.python}; ${names}`, help: serving };
  } catch (error) {
    if (!hasCode(error, 'ERR_MODULE_NOT_FOUND')) throw error;
    return { name, state: 'absent', found: 'the package @tuneloop/local-trainer is not installed', help: null };
  }
}

/** One key is enough: a pipeline names one provider. */
function checkKeys({ keysSet: set }: Environment): Check {
  const name = 'provider keys';
  const missing = KEY_VARIABLES.map(({ keyVariable }) => keyVariable).filter((variable) => !set.includes(variable));
  const notSet = missing.length > 0 ? `not set: ${missing.join(', ')}` : '';
  if (set.length === 0) {
    const help = 'The worker needs the one of your provider; for provider: local it needs none';
    return { name, state: 'absent', found: notSet, help };
  }
  return { name, state: 'ok', found: [`set: ${set.join(', ')}`, notSet].filter(Boolean).join('; '), help: null };
}
