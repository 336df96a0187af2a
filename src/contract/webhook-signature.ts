import { Webhook } from 'standardwebhooks';
import { TuneloopError } from '../errors.ts';

/**
 * Signatures of the Standard Webhooks specification (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`. The library
 * of the specification signs and verifies, with a tolerance of 300 seconds between the clocks, either way. Three things that the library
 * accepts are refused here before: odd ids and times, bytes that are no UTF-8, and keys that are too short.
 */
export interface SignedHeaders {
  'webhook-id': string;
  /** Seconds since 1970. */
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/** Holds no full stop, because full stops join the parts of the signed text. */
const ID = /^[\w-]{1,256}$/;
const SECONDS = /^\d{1,12}$/;
const LONGEST_SIGNATURE = 4096;
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
/** The prefix of the specification. */
const FEWEST_KEY_BYTES = 24;

/** Bytes as text, byte for byte: bytes that are no UTF-8 are refused instead of replaced, and a byte order mark stays. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Checks a delivery against its bytes. A signature of any of the given ones is enough, so that secrets can be replaced.
 *
 * @returns the body, or why it is refused
 */
export function verify(
  body: Uint8Array,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  secret: string,
): { id: string; body: string } | { refused: string } {
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
    new Webhook(secret).verify(text, { ...signed }, { jsonParse: false });
    return { id, body: text };
  } catch {
    return { refused: 'the signature is not one of this body and secret, or older or newer than 5 minutes' };
  }
}

/** The headers of a delivery. @throws Error for an id that no receiver could take apart */
export function sign(body: string, { id, at, secret }: { id: string; at: Date; secret: string }): SignedHeaders {
  if (!ID.test(id)) throw new Error(`${id} cannot be the id of a webhook: use letters, digits, - and _`);
  const timestamp = `${Math.floor(at.getTime() / 1000)}`;
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  };
}

/**
 * Refuses text that is no secret of the specification, because a short or empty key protects nothing.
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
