import { jsonlSink } from '@tuneloop/app/internal/capture/jsonl-sink';
import { pino } from 'pino';
import { readEnvironment } from '../config/environment.ts';
import { waitForLeases } from '../gateway/serve/cold-start.ts';
import { startGateway } from '../gateway/serve/gateway.ts';
import { trainerUrlOf } from '../stores/services-file.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';

export interface ServeOptions {
  port: number;
  /** JSONL file that calls are added to. */
  log?: string;
  fallbackModel?: string;
  json?: boolean;
}

/** `serve`: answers OpenAI's chat completions for all deployments, until it is told to stop. */
export async function serve({ port, log: file, fallbackModel, json }: ServeOptions): Promise<number> {
  const environment = readEnvironment();
  const { home, logLevel } = environment;
  const log = pino({ level: logLevel === 'info' ? 'warn' : logLevel }, pino.destination(2));
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const sink =
    file === undefined
      ? undefined
      : jsonlSink(file, {
          onError: (error, lost) => log.error(`${lost} calls could not be written to ${file}: ${error}`),
        });
  if (!sink) say('No --log FILE: canaries and retraining will not see these calls.');
  const gateway = await startGateway({ home, port, trainerUrl: trainerUrlOf(environment), fallbackModel, sink, log });
  printResult(json, { baseURL: gateway.baseURL }, () => gateway.baseURL);
  const waiting = new AbortController();
  const waited = waitForLeases({ home, trainerUrl: trainerUrlOf(environment), say, signal: waiting.signal }).catch(
    (error: unknown) => log.error(String(error)),
  );
  await stopped;
  waiting.abort();
  await waited;
  await gateway.close();
  await sink?.close();
  if (sink && sink.lost > 0) say(`${sink.lost} calls are not in ${file}: it could not be written.`);
  return EXIT.ok;
}
