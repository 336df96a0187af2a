import { DefaultLogger, type LogEntry, Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { type Environment, readEnvironment } from './config/environment.ts';
import { readPrices } from './config/prices.ts';
import { redact, redactMessage } from './core/text/redaction.ts';
import { TuneloopError } from './errors.ts';
import { connectProvider } from './providers/connect.ts';
import { openArtifacts } from './stores/open-stores.ts';
import { trainerUrlOf } from './stores/services-file.ts';
import { sweepHome } from './stores/sweep.ts';
import { connectClient, connectWorker, temporalTarget } from './worker/connection.ts';
import { createWorker } from './worker/create-worker.ts';
import { ensureOrphanSweep } from './worker/ensure-schedule.ts';
import { registerSearchAttributes } from './worker/register-search-attributes.ts';
import { exitOnSecondSignal, runUntilStopped, SHUTDOWN_SIGNALS } from './worker/shutdown.ts';

/** Runs the worker until it is told to stop: SIGTERM or SIGINT lets running activities end within the grace time. */
async function main(environment: Environment): Promise<void> {
  const log = pino({
    level: environment.logLevel,
    base: { service: 'tuneloop-worker', pid: process.pid },
    hooks: { streamWrite: (line) => redact(line) },
  });
  exitOnSecondSignal(log);
  Runtime.install({
    logger: new DefaultLogger('INFO', (entry) => writeEntry(log, entry)),
    shutdownSignals: SHUTDOWN_SIGNALS,
  });
  const target = temporalTarget(environment.home);
  const client = await connectClient(target);
  await registerSearchAttributes(client).catch((error: unknown) => {
    log.warn(`search attributes could not be registered, ask an administrator of the namespace: ${error}`);
  });
  await sweepHome(environment.home).catch((error: unknown) => {
    log.warn(`drafts of processes that were killed could not be removed from ${environment.home}: ${error}`);
  });
  await ensureOrphanSweep(client, environment.taskQueue).catch((error: unknown) => {
    log.warn(`the schedule of the orphan sweep could not be made: ${error}`);
  });

  const trainerUrl = trainerUrlOf(environment);
  const connection = await connectWorker(target);
  try {
    const worker = await createWorker({
      connection,
      namespace: target.namespace,
      taskQueue: environment.taskQueue,
      workflowBundle: environment.workflowBundle,
      dependencies: {
        artifacts: openArtifacts(environment.home),
        home: environment.home,
        prices: readPrices(environment.pricesFile),
        connectProvider: (choice) => connectProvider(choice, trainerUrl),
        temporal: client,
        monthlyBudgetUsd: environment.monthlyBudgetUsd,
        log,
      },
    });
    log.info(
      { address: target.address, namespace: target.namespace, taskQueue: environment.taskQueue },
      'worker ready',
    );
    await runUntilStopped(worker, log);
  } finally {
    await connection.close();
    await client.connection.close();
  }
  log.info('worker stopped');
}

/** Fields of the SDK's entries that name things; the rest may hold payloads and stays out of the log. */
const FIELDS = ['workflowId', 'workflowType', 'activityType', 'attempt', 'taskQueue', 'sdkComponent', 'durationMs'];

function writeEntry(log: pino.Logger, { level, message, meta = {} }: LogEntry): void {
  const fields = Object.fromEntries(
    FIELDS.filter((field) => field in meta).map((field) => [field, String(meta[field])]),
  );
  const { error } = meta;
  if (error instanceof Error) fields.error = redactMessage(`${error.name}: ${error.message}`, [], 500);
  log[level.toLowerCase() as Lowercase<LogEntry['level']>](fields, message);
}

try {
  await main(readEnvironment());
} catch (error) {
  const known = error instanceof TuneloopError;
  const text = known ? `${error.code}: ${error.message}` : error instanceof Error ? error.stack : error;
  console.error(redact(`${text}`));
  // At once: connections that are still open would keep the process alive.
  process.exit(known ? 3 : 1);
}
