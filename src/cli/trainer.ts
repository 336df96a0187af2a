import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { startTrainer } from '@tuneloop/local-trainer';
import { pino } from 'pino';
import { readEnvironment, readTrainerToken } from '../config/environment.ts';
import { TuneloopError } from '../errors.ts';
import { trainerFolder } from '../stores/home.ts';
import { EXIT } from './exit-codes.ts';
import { printResult, say } from './output.ts';

export interface TrainerCommandOptions {
  address?: string;
  port: number;
  dir?: string;
  tokenFile?: string;
  newToken?: boolean;
  jobSeconds?: number;
  faults?: boolean;
  json?: boolean;
}

/** `trainer`: runs the local trainer until it is told to stop. */
export async function trainer(options: TrainerCommandOptions): Promise<number> {
  const { address, port, dir, jobSeconds, faults = false, json } = options;
  const { home, engine, logLevel } = readEnvironment();
  const log = pino({ level: logLevel === 'info' ? 'warn' : logLevel }, pino.destination(2));
  const token = tokenOf(options);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const server = await startTrainer({
    port,
    dir: dir ?? trainerFolder(home),
    engineDir: engine,
    log,
    faults,
    ...(address === undefined ? {} : { address }),
    ...(token === undefined ? {} : { token }),
    ...(jobSeconds === undefined ? {} : { jobSeconds }),
  });
  printResult(json, { baseURL: server.baseURL }, () => server.baseURL);
  await stopped;
  await server.close();
  return EXIT.ok;
}

/** The token of the file or the variable; a new one is shown once, and kept only where a file is named. */
function tokenOf({ tokenFile, newToken }: TrainerCommandOptions): string | undefined {
  if (!newToken) return tokenFile === undefined ? readTrainerToken() : readToken(tokenFile);
  if (tokenFile !== undefined && existsSync(tokenFile)) {
    throw new TuneloopError('USAGE', `${tokenFile} is there already: leave --new-token out to use the token in it`);
  }
  const token = randomBytes(32).toString('base64url');
  if (tokenFile !== undefined) writeFileSync(tokenFile, `${token}\n`, { mode: 0o600, flag: 'wx' });
  say(`Token of this trainer, shown once: ${token}`);
  return token;
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : `${error}`;
    throw new TuneloopError('USAGE', `--token-file cannot be read: ${reason}`);
  }
}
