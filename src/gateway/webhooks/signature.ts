import { createHmac } from 'node:crypto';
import OpenAI from 'openai';
import { TuneloopError } from '../../errors.ts';

/**
 * Signatures of the Standard Webhooks specification (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`.
 * Verified by OpenAI's own client, which does not sign.
 */
export interface SignedHeaders {
  'webhook-id': string;
  /** Seconds since 1970. */
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/** How far the clocks of sender and receiver may be apart, either way, with the time on the way. */
const TOLERANCE_SECONDS = 300;
/** No full stop: that is what the parts of the signed text are joined by. */
const ID = /^[\w-]{1,256}$/;
const SECONDS = /^\d{1,12}$/;
const LONGEST_SIGNATURE = 4096;
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
/** That of the specification. */
const FEWEST_KEY_BYTES = 24;

/** Bytes as text, byte for byte: what is no UTF-8 is refused instead of replaced, and a byte order mark stays. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const { webhooks } = new OpenAI({ apiKey: 'none: nothing is sent' });

/**
 * Checks a delivery against the bytes that came. A signature of any of the given ones is enough, so that secrets can be replaced.
 *
 * @returns the body, or why it is refused
 */
export async function verify(
  body: Uint8Array,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  secret: string,
): Promise<{ id: string; body: string } | { refused: string }> {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signature = headers['webhook-signature'];
  if (typeof id !== 'string' || !ID.test(id)) return { refused: 'webhook-id is missing or has an odd form' };
  if (typeof timestamp !== 'string' || !SECONDS.test(timestamp)) {
    return { refused: 'webhook-timestamp is missing, or no number of seconds' };
  }
  if (typeof signature !== 'string' || signature.length > LONGEST_SIGNATURE) {
    return { refused: 'webhook-signature is missing or too long' };
  }
  const signed: SignedHeaders = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  try {
    const text = UTF8.decode(body);
    await webhooks.verifySignature(text, { ...signed }, secret, TOLERANCE_SECONDS);
    return { id, body: text };
  } catch {
    return { refused: 'the signature is not one of this body and secret, or older or newer than 5 minutes' };
  }
}

/** The headers of a delivery. @throws Error for an id that no receiver could take apart */
export function sign(body: string, { id, at, secret }: { id: string; at: Date; secret: string }): SignedHeaders {
  if (!ID.test(id)) throw new Error(`${id} cannot be the id of a webhook: use letters, digits, - and _`);
  const timestamp = `${Math.floor(at.getTime() / 1000)}`;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

/**
 * Refuses what is no secret of the specification: anybody can sign with a key that is short or empty.
 *
 * @throws TuneloopError ENVIRONMENT_INVALID naming the variable, and nothing of the secret
 */
export function checkSecret(secret: string, variable: string): string {
  const [, key = ''] = SECRET.exec(secret) ?? [];
  if (Buffer.from(key, 'base64').length >= FEWEST_KEY_BYTES) return secret;
  throw new TuneloopError(
    'ENVIRONMENT_INVALID',
    `${variable} is no secret of a webhook: set it to whsec_ and at least ${FEWEST_KEY_BYTES} bytes in base64`,
  );
}
