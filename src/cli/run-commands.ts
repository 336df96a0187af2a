import { readEnvironment } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';
import { trainerUrlOf } from '../local/services-file.ts';
import { connectProvider } from '../providers/connect.ts';
import { percentText } from '../report/format.ts';
import { routeCall } from '../serving/route.ts';
import { readAlias } from '../storage/aliases.ts';
import { hasWorker, recently } from '../temporal/task-queue.ts';
import { BEST_SCORE, STAGE, WINNER } from '../workflows/search-attributes.ts';
import { EXIT, exitCodeOfRun } from './exit-codes.ts';
import { followRun } from './follow-run.ts';
import { printResult, say } from './output.ts';
import { alignColumns, runTable } from './run-table.ts';
import {
  describeRun,
  pipelineOf,
  type RunHandle,
  type RunStatus,
  resumeRun,
  runJson,
  startRun,
  statusOf,
  webUrl,
} from './runs.ts';
import { type Session, withSession } from './session.ts';
import { webUiOf } from './web-ui.ts';

interface JsonOption {
  json?: boolean;
}

/** `run FILE`: starts a run and, with `wait`, follows it to its end. */
export function run(file: string, options: JsonOption & { wait?: boolean }): Promise<number> {
  return withSession(async (session) => {
    const { client, environment, target } = session;
    const handle = await startRun(client, environment, file);
    const url = webUrl(webUiOf(environment, target), target.namespace, handle.workflowId);
    say(`Run ${handle.workflowId}\nWatch it at ${url}`);
    if (!(await hasWorker(client, environment.taskQueue, recently()))) {
      say(
        `No worker waits on task queue ${environment.taskQueue} yet: start one with \`npm run worker\`. The run waits for it.`,
      );
    }
    if (options.wait) return follow(session, handle, options);
    printResult(options.json, { runId: handle.workflowId, status: 'running', webUi: url }, () => handle.workflowId);
    return EXIT.ok;
  });
}

/** `watch ID`: follows a run to its end. */
export function watch(id: string, options: JsonOption): Promise<number> {
  return withSession((session) => follow(session, session.client.workflow.getHandle(id), options));
}

async function follow({ client }: Session, handle: RunHandle, { json }: JsonOption): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once('SIGINT', onSignal);
  try {
    const result = await followRun(client, handle, { signal: interrupt.signal });
    printResult(json, result, () => runTable(result));
    return exitCodeOfRun(result);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    say(
      `The run goes on. Watch it again with \`tuneloop watch ${handle.workflowId}\`, or end it with \`tuneloop cancel\`.`,
    );
    return EXIT.interrupted;
  } finally {
    process.off('SIGINT', onSignal);
  }
}

interface RunRow {
  runId: string;
  status: RunStatus;
  startTime: string;
  stage: string | null;
  winner: string | null;
  /** Of the winner, on the validation rows. */
  score: number | null;
}

/** `list`: the runs, newest first. */
export function list(options: JsonOption & { limit: number }): Promise<number> {
  return withSession(async ({ client }) => {
    const runs: RunRow[] = [];
    for await (const info of client.workflow.list({ query: 'WorkflowType = "fineTuningPipeline"' })) {
      runs.push({
        runId: info.workflowId,
        status: statusOf(info),
        startTime: info.startTime.toISOString(),
        stage: info.typedSearchAttributes.get(STAGE) ?? null,
        winner: info.typedSearchAttributes.get(WINNER) ?? null,
        score: info.typedSearchAttributes.get(BEST_SCORE) ?? null,
      });
      if (runs.length === options.limit) break;
    }
    printResult(options.json, runs, () =>
      runs.length === 0
        ? 'There is no run yet: start one with `tuneloop run FILE`.'
        : alignColumns([
            ['run', 'status', 'stage', 'winner', 'validation', 'started'],
            ...runs.map(({ runId, status, stage, winner, score, startTime }) => [
              runId,
              status,
              stage ?? '',
              winner ?? '',
              score === null ? '' : percentText(score),
              startTime.slice(0, 19).replace('T', ' '),
            ]),
          ]),
    );
    return EXIT.ok;
  });
}

/** `cancel ID`: asks a run to end; it cancels its jobs at the provider first. */
export function cancel(id: string, options: JsonOption): Promise<number> {
  return withSession(async ({ client }) => {
    const handle = client.workflow.getHandle(id);
    const status = statusOf(await describeRun(handle));
    if (status === 'running') await handle.cancel();
    const text =
      status === 'running' ? `${id} is being cancelled, with its jobs` : `${id} has ended already: ${status}`;
    printResult(options.json, { runId: id, status: status === 'running' ? 'cancelling' : status }, () => text);
    return EXIT.ok;
  });
}

/** `resume ID`: lets a run go on that waits for a person. */
export function resume(id: string, options: JsonOption): Promise<number> {
  return withSession(async ({ client }) => {
    const handle: RunHandle = client.workflow.getHandle(id);
    const status = statusOf(await describeRun(handle));
    if (status !== 'running') throw new TuneloopError('RUN_NOT_PAUSED', `${id} has ended already: ${status}`);
    const { code, message } = await resumeRun(client, handle);
    printResult(
      options.json,
      { runId: id, resumed: { code, message } },
      () => `${id} goes on; it was paused for ${code}: ${message}`,
    );
    return EXIT.ok;
  });
}

/** `predict ID TEXT`: asks what serves for a pipeline, or the winner of a run, with the input alone. */
export async function predict(id: string, text: string, options: JsonOption): Promise<number> {
  // Ids of runs have a slash.
  if (!id.includes('/')) return predictBy(id, text, options);
  return withSession(async ({ client, environment }) => {
    const handle: RunHandle = client.workflow.getHandle(id);
    const pipeline = await pipelineOf(environment, await describeRun(handle));
    const { winnerModel, status } = await runJson(handle);
    if (!winnerModel) throw new TuneloopError('RUN_NOT_FOUND', `${id} has no winner (it is ${status})`);
    const provider = connectProvider(pipeline.provider, trainerUrlOf(environment));
    const answer = await provider.complete({ model: winnerModel, messages: [{ role: 'user', content: text }] });
    printResult(options.json, { model: winnerModel, ...answer }, () => answer.text);
    return EXIT.ok;
  });
}

/** As an application would: by the alias, so that no server is needed but the provider. */
async function predictBy(deployment: string, text: string, options: JsonOption): Promise<number> {
  const environment = readEnvironment();
  const alias = await readAlias(environment.home, deployment);
  const [attempt] = alias ? routeCall(alias, text, { now: Date.now() }).attempts : [];
  if (!alias || !attempt) {
    throw new TuneloopError(
      'DEPLOYMENT_NOT_FOUND',
      `${deployment} has nothing that could be asked: \`tuneloop deployments\` shows what serves`,
    );
  }
  const { arm, model, messages } = attempt;
  const provider = connectProvider(alias.provider, trainerUrlOf(environment));
  const answer = await provider.complete({ model, messages });
  printResult(options.json, { model, arm, ...answer }, () => answer.text);
  return EXIT.ok;
}
