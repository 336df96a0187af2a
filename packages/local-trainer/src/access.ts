import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { TuneloopError } from '@tuneloop/app/errors';
import { ApiError } from '@tuneloop/app/internal/shared/api-error';
import { isLoopback, refuseForeign } from '@tuneloop/app/internal/shared/loopback';

export const LOOPBACK = '127.0.0.1';

/** A token that can be guessed is none. */
const SHORTEST_TOKEN = 20;

export interface AccessOptions {
  readonly address?: string;
  readonly token?: string;
}

/** Looks at the headers of a request. @throws ApiError 401 or 403 */
export type AccessRule = (headers: IncomingHttpHeaders) => void;

/** @throws TuneloopError TOKEN_NEEDED where other machines could use the trainer without a token, or with a short one */
export function checkToken({ address = LOOPBACK, token }: AccessOptions): void {
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new TuneloopError(
      'TOKEN_NEEDED',
      'the token of the trainer may have letters, digits and signs only: no spaces or line breaks',
    );
  }
  if (token !== undefined && token.length < SHORTEST_TOKEN) {
    throw new TuneloopError(
      'TOKEN_NEEDED',
      `the token of the trainer has ${token.length} characters: give at least ${SHORTEST_TOKEN}`,
    );
  }
  if (token !== undefined || isLoopback(address)) return;
  throw new TuneloopError(
    'TOKEN_NEEDED',
    `the trainer listens on ${address} only with a token, because other machines reach it there: set TUNELOOP_TRAINER_TOKEN, ` +
      'give --token-file, or have one made with --new-token',
  );
}

/** Who may ask: on the loopback interface programs of this machine, everywhere those that bring the token, where there is one. */
export function accessRule({ address = LOOPBACK, token }: AccessOptions): AccessRule {
  const expected = token === undefined ? undefined : hashOf(token);
  return (headers) => {
    if (isLoopback(address)) refuseForeign(headers);
    if (expected === undefined) return;
    const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (given === undefined)
      throw refused('You did not provide a token: send Authorization: Bearer <token of this trainer>.');
    // Hashes have one length, and comparing them takes one time.
    if (!timingSafeEqual(hashOf(given), expected)) throw refused('Incorrect token provided.');
  };
}

function refused(message: string): ApiError {
  return new ApiError(401, message, { code: 'invalid_api_key' });
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
