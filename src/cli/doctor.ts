import packageJson from '../../package.json' with { type: 'json' };
import { readEnvironment } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';
import { findServerProgram, isOlderThanTested } from '../local/server-program.ts';
import { SERVER_VERSION } from '../local/server-program-pin.ts';
import { trainerUrlOf } from '../local/services-file.ts';
import { connectClient, temporalTarget } from '../worker/connection.ts';
import { hasWorker, recently } from '../worker/task-queue.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';

interface Check {
  name: string;
  /** `missing` keeps things from working; `absent` is only needed for some of them. */
  state: 'ok' | 'absent' | 'missing';
  found: string;
  /** What to do about it. */
  help: string | null;
}

/** `doctor`: what is here, in which version, and how to get what is missing. */
export async function doctor(options: { json?: boolean }): Promise<number> {
  const checks = [
    checkNode(),
    await checkServerProgram(),
    ...(await checkTemporal()),
    await checkTrainer(),
    checkKey(),
  ];
  printResult(options.json, { version: packageJson.version, checks }, () =>
    checks
      .map(
        ({ name, state, found, help }) => `${MARKS[state]} ${name.padEnd(18)} ${found}${help ? `\n    ${help}` : ''}`,
      )
      .join('\n'),
  );
  return checks.some(({ state }) => state === 'missing') ? EXIT.environment : EXIT.ok;
}

const MARKS = { ok: 'ok     ', absent: 'absent ', missing: 'MISSING' } as const;

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 22 || (major === 22 && minor >= 18);
  const help = ok ? null : 'Run through npm in a checkout, which brings its own Node, or install Node 22.18 or later';
  return { name: 'Node', state: ok ? 'ok' : 'missing', found: process.version, help };
}

async function checkServerProgram(): Promise<Check> {
  const name = 'temporal program';
  try {
    const program = await findServerProgram(readEnvironment());
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

async function checkTemporal(): Promise<Check[]> {
  const { home, taskQueue } = readEnvironment();
  const target = temporalTarget(home);
  const start = 'Start everything with `npm run demo -- --keep`, or set TEMPORAL_ADDRESS';
  try {
    const client = await connectClient(target);
    try {
      const { serverVersion } = await client.workflowService.getSystemInfo({});
      const worker = await hasWorker(client, taskQueue, recently());
      return [
        { name: 'Temporal server', state: 'ok', found: `${target.address}, version ${serverVersion}`, help: null },
        {
          name: 'worker',
          state: worker ? 'ok' : 'absent',
          found: worker ? `waits on task queue ${taskQueue}` : `none on task queue ${taskQueue}`,
          help: worker ? null : 'Start one with `npm run worker`',
        },
      ];
    } finally {
      await client.connection.close();
    }
  } catch (error) {
    if (!(error instanceof TuneloopError)) throw error;
    return [{ name: 'Temporal server', state: 'absent', found: `nothing answers at ${target.address}`, help: start }];
  }
}

async function checkTrainer(): Promise<Check> {
  const url = trainerUrlOf(readEnvironment());
  const ok = await fetch(`${url}/models`, { signal: AbortSignal.timeout(3000) }).then(
    (response) => response.ok,
    () => false,
  );
  const help = ok ? null : 'Needed for provider: local. Start one with `npm run -s tuneloop -- trainer`';
  return { name: 'local trainer', state: ok ? 'ok' : 'absent', found: ok ? url : `nothing answers at ${url}`, help };
}

function checkKey(): Check {
  const set = readEnvironment().openaiKeySet;
  const help = set ? null : 'Needed for provider: openai, by the worker';
  return { name: 'OPENAI_API_KEY', state: set ? 'ok' : 'absent', found: set ? 'set' : 'not set', help };
}
