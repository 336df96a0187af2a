import { percentText } from '../core/text/format.ts';
import { EXIT, exitCodeOfRun } from './exit-codes.ts';
import { showRun } from './follow-run.ts';
import { printResult, say } from './output.ts';
import { alignColumns, runTable } from './run-table.ts';
import { type Session, withSession, withTuneloop } from './session.ts';

interface JsonOption {
  json?: boolean;
}

/** `run FILE`: starts a run and, with `wait`, follows it to its end. */
export function run(file: string, options: JsonOption & { wait?: boolean }): Promise<number> {
  return withSession(async (session) => {
    const { runs } = session.tuneloop;
    const started = await runs.start(file);
    const { runId, webUi } = started;
    say(`Run ${runId}\nWatch it at ${webUi}`);
    if (!(await runs.hasWorker())) {
      say(
        `No worker waits on task queue ${session.environment.taskQueue} yet: start one with \`npm run worker\`. The run waits for it.`,
      );
    }
    if (options.wait) return follow(session, runId, options);
    printResult(options.json, started, () => runId);
    return EXIT.ok;
  });
}

/** `watch ID`: follows a run to its end. */
export function watch(id: string, options: JsonOption): Promise<number> {
  return withSession((session) => follow(session, id, options));
}

async function follow({ client }: Session, id: string, { json }: JsonOption): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once('SIGINT', onSignal);
  try {
    const result = await showRun(client, client.workflow.getHandle(id), { signal: interrupt.signal });
    printResult(json, result, () => runTable(result));
    return exitCodeOfRun(result);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    say(`The run continues. Watch it again with \`tuneloop watch ${id}\`, or end it with \`tuneloop cancel\`.`);
    return EXIT.interrupted;
  } finally {
    process.off('SIGINT', onSignal);
  }
}

/** `list`: the runs, newest first. */
export function list(options: JsonOption & { limit: number }): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    const runs = await tuneloop.runs.list({ limit: options.limit });
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
  return withSession(async ({ tuneloop }) => {
    const cancelled = await tuneloop.runs.cancel(id);
    const { status } = cancelled;
    printResult(options.json, cancelled, () =>
      status === 'cancelling' ? `${id} is being cancelled, with its jobs` : `${id} has ended already: ${status}`,
    );
    return EXIT.ok;
  });
}

/** `resume ID`: resumes a run that waits for a person. */
export function resume(id: string, options: JsonOption): Promise<number> {
  return withSession(async ({ tuneloop }) => {
    const resumed = await tuneloop.runs.resume(id);
    const { code, message } = resumed.resumed;
    printResult(options.json, resumed, () => `${id} continues; it was paused for ${code}: ${message}`);
    return EXIT.ok;
  });
}

/** `predict ID TEXT`: asks the serving model of a pipeline, or the winner of a run, with the input alone. */
export function predict(id: string, text: string, options: JsonOption): Promise<number> {
  return withTuneloop(async ({ runs }) => {
    const answer = await runs.predict(id, text);
    printResult(options.json, answer, () => answer.text);
    return EXIT.ok;
  });
}
