import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { TuneloopError } from '../errors.ts';
import { ApiError } from '../trainer/api-error.ts';
import { isCode } from '../trainer/storage.ts';

const HOST = '127.0.0.1';
const LOOPBACK_NAMES: ReadonlySet<string> = new Set([HOST, 'localhost', '[::1]']);

/**
 * A web page must not reach the server through the browser of its user, neither directly (Origin) nor under a name that was
 * made to point here (Host).
 */
export function refuseForeign({ host, origin }: { host?: string | undefined; origin?: string | undefined }): void {
  const names = [hostOf(`http://${host}`), ...(origin === undefined ? [] : [hostOf(origin)])];
  if (names.every((name) => name !== undefined && LOOPBACK_NAMES.has(name))) return;
  throw new ApiError(403, 'This server answers only programs on its own machine: use http://127.0.0.1.');
}

/**
 * @param port 0 takes any free one
 * @returns `http://127.0.0.1:<port>`
 * @throws TuneloopError PORT_TAKEN
 */
export async function listenOnLoopback(app: FastifyInstance, port: number): Promise<string> {
  try {
    await app.listen({ host: HOST, port });
  } catch (error) {
    await app.close();
    if (!isCode(error, 'EADDRINUSE')) throw error;
    throw new TuneloopError(
      'PORT_TAKEN',
      `Port ${port} on ${HOST} is in use by another program: stop that one, or choose another port with --port (0 takes any free one).`,
    );
  }
  return `http://${HOST}:${(app.server.address() as AddressInfo).port}`;
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
