import { createHash, randomBytes } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Random letters and digits. */
function letters(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      // 248 = 4 x 62: higher bytes would make some letters likelier.
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
    }
  }
  return text;
}

/** Ids have the lengths and prefixes of OpenAI's, so that code that checks them works with both. */
export const newFileId = (): string => `file-${letters(24)}`;
export const newJobId = (): string => `ftjob-${letters(24)}`;
export const newEventId = (): string => `ftevent-${letters(24)}`;
export const newCheckpointId = (): string => `ftckpt_${letters(24)}`;
export const newCompletionId = (): string => `chatcmpl-${letters(24)}`;
export const newRequestId = (): string => `req_${randomBytes(16).toString('hex')}`;

export const ORGANIZATION = 'tuneloop';

/** `ft:<base>:<organization>:<suffix or empty>:<8>`. */
export function newModelId(base: string, suffix: string | null): string {
  return `ft:${base}:${ORGANIZATION}:${suffix ?? ''}:${letters(8)}`;
}

export function checkpointModelId(model: string, step: number): string {
  return `${model}:ckpt-step-${step}`;
}

/** A seed from 0 to 2^31 - 1 that is the same for the same parts. */
export function derivedSeed(parts: readonly unknown[]): number {
  return createHash('sha256').update(JSON.stringify(parts)).digest().readUInt32BE(0) >>> 1;
}
