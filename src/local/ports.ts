import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { lockFolder } from '@tuneloop/app/internal/shared/folder-lock';
import { TuneloopError } from '../errors.ts';

export interface ReservedPort {
  port: number;
  /** Ends the reservation, once the service listens or has failed. */
  release: () => void;
}

/**
 * Reserves the wished port if no program listens there and it is not reserved, else any free one.
 *
 * Without the reservation two commands that start together find the same port free, and one of them works with the server of the other.
 * Only processes of the same user see reservations; a reservation ends with its process.
 */
export async function reservePort(wished: number): Promise<ReservedPort> {
  const release = reserve(wished);
  if (release) {
    if ((await listenOn(wished)) !== undefined) return { port: wished, release };
    release();
  }
  // The system does not hand out the same free port twice in a short time.
  return { port: await freePort(), release: () => {} };
}

/** Any port on which no program listens. */
export async function freePort(): Promise<number> {
  const port = await listenOn(0);
  if (port === undefined) throw new TuneloopError('PORT_TAKEN', 'no port of 127.0.0.1 is free');
  return port;
}

/** Undefined if another process has reserved the port. */
function reserve(port: number): (() => void) | undefined {
  const folder = path.join(tmpdir(), `tuneloop-ports-${userInfo().uid}`, `${port}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    return lockFolder(folder);
  } catch (error) {
    if (error instanceof TuneloopError && error.code === 'LOCKED') return undefined;
    throw error;
  }
}

/** Listens for a moment. Resolves to the port, or to undefined if the port cannot be listened on. */
function listenOn(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}
