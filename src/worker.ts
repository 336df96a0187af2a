import path from 'node:path';
import { DefaultLogger, type LogEntry, Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { type Environment, readEnvironment } from './config/environment.ts';
import { readPrices } from './config/prices.ts';
import { TuneloopError } from './errors.ts';
import { trainerUrlOf } from './local/services-file.ts';
import { connectProvider } from './providers/connect.ts';
import { FileStore } from './storage/file-store.ts';
import { connectClient, connectWorker, temporalTarget } from './temporal/connection.ts';
import { createWorker } from './temporal/create-worker.ts';
import { registerSearchAttributes } from './temporal/register-search-attributes.ts';

/** Runs the worker until it is told to stop: SIGTERM or SIGINT lets running activities end within the grace time. */
async function main(environment: Environment): Promise<void> {
  const log = pino({ level: environment.logLevel, base: { service: 'tuneloop-worker', pid: process.pid } });
  Runtime.install({ logger: new DefaultLogger('INFO', (entry) => writeEntry(log, entry)) });
  const target = temporalTarget(environment.home);
  const client = await connectClient(target);
  await registerSearchAttributes(client).catch((error: unknown) => {
    log.warn(`search attributes could not be registered, ask an administrator of the namespace: ${error}`);
  });
  await client.connection.close();

  const trainerUrl = trainerUrlOf(environment);
  const connection = await connectWorker(target);
  try {
    const worker = await createWorker({
      connection,
      namespace: target.namespace,
      taskQueue: environment.taskQueue,
      dependencies: {
        artifacts: new FileStore(path.join(environment.home, 'artifacts')),
        home: environment.home,
        prices: readPrices(environment.pricesFile),
        connectProvider: (choice) => connectProvider(choice, trainerUrl),
        log,
      },
    });
    log.info(
      { address: target.address, namespace: target.namespace, taskQueue: environment.taskQueue },
      'worker ready',
    );
    await worker.run();
  } finally {
    await connection.close();
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
  if (error instanceof Error) fields.error = `${error.name}: ${error.message}`.slice(0, 500);
  log[level.toLowerCase() as Lowercase<LogEntry['level']>](fields, message);
}

try {
  await main(readEnvironment());
} catch (error) {
  if (!(error instanceof TuneloopError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 3;
}
