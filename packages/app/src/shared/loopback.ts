import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { TuneloopError } from '../errors.ts';
import { ApiError } from './api-error.ts';
import { hasCode } from './files.ts';

const HOST = '127.0.0.1';
const LOOPBACK_NAMES: ReadonlySet<string> = new Set([HOST, 'localhost', '[::1]']);

/**
 * A web page must not reach a server of ours through the browser of its user, neither directly (Origin) nor under a name that
 * was made to point here (Host).
 *
 * @throws ApiError 403
 */
export function refuseForeign({ host, origin }: { host?: string | undefined; origin?: string | undefined }): void {
  const names = [hostOf(`http://${host}`), ...(origin === undefined ? [] : [hostOf(origin)])];
  if (names.every((name) => name !== undefined && LOOPBACK_NAMES.has(name))) return;
  throw new ApiError(403, 'This server answers only programs on its own machine: use http://127.0.0.1.');
}

/** Whether an address to listen on can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}

/** @see listenOn */
export function listenOnLoopback(app: FastifyInstance, port: number): Promise<{ url: string; port: number }> {
  return listenOn(app, HOST, port);
}

/**
 * Starts to listen; if that fails, the server is closed.
 *
 * @param host an address of this machine, or 0.0.0.0 for all
 * @param port 0 takes any free one
 * @returns `url` is `http://<host>:<port>`
 * @throws TuneloopError PORT_TAKEN
 */
export async function listenOn(
  app: FastifyInstance,
  host: string,
  port: number,
): Promise<{ url: string; port: number }> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    if (hasCode(error, 'EADDRNOTAVAIL') || hasCode(error, 'ENOTFOUND')) {
      throw new TuneloopError(
        'PORT_TAKEN',
        `${host} is no address of this machine: give one that it has, or 0.0.0.0 for all of them.`,
      );
    }
    if (!hasCode(error, 'EADDRINUSE')) throw error;
    throw new TuneloopError(
      'PORT_TAKEN',
      `Port ${port} on ${host} is in use by another program: stop that one, or choose another port with --port (0 takes any free one).`,
    );
  }
  const { port: taken } = app.server.address() as AddressInfo;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`, port: taken };
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
