import { startTrainer } from '@tuneloop/local-trainer';
import { pino } from 'pino';
import { readEnvironment } from '../config/environment.ts';
import { trainerFolder } from '../stores/home.ts';
import { EXIT } from './exit-codes.ts';
import { printResult } from './output.ts';

export interface TrainerCommandOptions {
  port: number;
  dir?: string;
  jobSeconds?: number;
  faults?: boolean;
  json?: boolean;
}

/** `trainer`: runs the local trainer until it is told to stop. */
export async function trainer({ port, dir, jobSeconds, faults = false, json }: TrainerCommandOptions): Promise<number> {
  const { home, logLevel } = readEnvironment();
  const log = pino({ level: logLevel === 'info' ? 'warn' : logLevel }, pino.destination(2));
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const server = await startTrainer({
    port,
    dir: dir ?? trainerFolder(home),
    log,
    faults,
    ...(jobSeconds === undefined ? {} : { jobSeconds }),
  });
  printResult(json, { baseURL: server.baseURL }, () => server.baseURL);
  await stopped;
  await server.close();
  return EXIT.ok;
}
