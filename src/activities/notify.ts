import { spawn } from 'node:child_process';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { childEnvironment, readWebhookSecret } from '../config/environment.ts';
import { checkSecret, sign } from '../contract/webhook-signature.ts';
import type { Notification } from '../core/deployment/notification.ts';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { redact, redactMessage } from '../core/text/redaction.ts';
import { type Dependencies, loadPipeline } from './support/dependencies.ts';

export interface NotifyInput {
  definition: ArtifactRef;
  message: Notification;
}

/** Characters that the id of a webhook may not hold. */
const ODD = /[^\w-]/g;
const LONGEST_ID = 256;
/** The time limit for an answer or a command, in milliseconds. */
const LIMITS = { answerMs: 10_000, commandMs: 30_000 };
/** The time that a command has after SIGTERM. */
const LAST_WORDS_MS = 2000;
/** The kept part of a command's output, in characters: a part of it is shown after credentials were removed. */
const OUTPUT_KEPT = 8000;
const OUTPUT_SHOWN = 500;
/** The variables of the worker's environment that a command may see: those that find programs and write texts, and no key. */
const PASSED_ON = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SystemRoot'] as const;

/**
 * Delivers a message to the receiver that the pipeline names in `notify`; does nothing without a receiver. It may be delivered more than
 * once: an attempt whose answer was lost is repeated, with the same id.
 *
 * Fails with WEBHOOK_REFUSED, for good where another attempt would change nothing. Its caller does not wait for it and does not depend on
 * it.
 */
export function createNotify(dependencies: Dependencies, { answerMs, commandMs }: typeof LIMITS = LIMITS) {
  return async ({ definition, message }: NotifyInput): Promise<void> => {
    const { notify } = await loadPipeline(dependencies, definition);
    if (!notify) return;
    const { cancellationSignal } = Context.current();
    cancellationSignal.throwIfAborted();
    const body = JSON.stringify(message);
    if ('url' in notify) {
      const id = message.id.replace(ODD, '_').slice(0, LONGEST_ID);
      await post({ ...notify, body, id, limitMs: answerMs, cancelled: cancellationSignal });
    } else {
      await run({ ...notify, body, limitMs: commandMs, cancelled: cancellationSignal });
    }
  };
}

interface Delivery {
  body: string;
  limitMs: number;
  cancelled: AbortSignal;
}

interface Post extends Delivery {
  url: string;
  secretEnv: string;
  id: string;
}

/** As the Standard Webhooks specification has it; see docs/guide/webhooks.md. */
async function post({ url, secretEnv, id, body, limitMs, cancelled }: Post): Promise<void> {
  const secret = checkSecret(readWebhookSecret(secretEnv), secretEnv);
  // The rest of an address may be secret as well.
  const { host } = new URL(url);
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...sign(body, { id, at: new Date(), secret }) },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(limitMs), cancelled]),
    });
  } catch (error) {
    cancelled.throwIfAborted();
    throw refused(`${host} did not take a notification: ${reasonOf(error)}`, { mayPass: true });
  }
  // The body of the answer does not matter, and may be endless.
  await response.body?.cancel().catch(() => {});
  const { ok, status } = response;
  if (ok) return;
  const what = status >= 300 && status < 400 ? `HTTP ${status}, and redirects are not followed` : `HTTP ${status}`;
  throw refused(`${host} refused a notification: ${what}`, {
    mayPass: status >= 500 || status === 408 || status === 429,
  });
}

/** A program without a shell, with the message as its standard input. */
async function run({ command, body, limitMs, cancelled }: Delivery & { command: readonly string[] }): Promise<void> {
  const [program = '', ...args] = command;
  const own = childEnvironment({});
  const env = Object.fromEntries(PASSED_ON.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]])));
  // A process group of its own, so that the programs it starts end with it.
  const child = spawn(program, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const signalAll = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The whole group has ended.
    }
  };
  const outputs = [child.stdout, child.stderr];
  let output = '';
  for (const stream of outputs) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_KEPT);
    });
  }
  child.once('exit', () => {
    signalAll('SIGKILL');
    // A process that has left the group may hold them.
    setTimeout(() => outputs.map((stream) => stream.destroy()), LAST_WORDS_MS).unref();
  });
  // The command need not read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(body);
  let lastWords: NodeJS.Timeout | undefined;
  const stop = () => {
    signalAll('SIGTERM');
    lastWords = setTimeout(signalAll, LAST_WORDS_MS, 'SIGKILL');
  };
  const timeout = AbortSignal.timeout(limitMs);
  const ending = AbortSignal.any([timeout, cancelled]);
  ending.addEventListener('abort', stop, { once: true });
  try {
    const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          refused(`${program} of \`notify\` cannot be started (${error.code}): check notify.command`, {
            mayPass: false,
          }),
        ),
      );
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    cancelled.throwIfAborted();
    if (code === 0) return;
    const how = timeout.aborted
      ? `took longer than ${limitMs / 1000} s`
      : `ended with ${code === null ? signal : `exit code ${code}`}`;
    const said = redact(output).trim().slice(-OUTPUT_SHOWN);
    throw refused(`${program} of \`notify\` ${how}${said === '' ? '' : `: ${said}`}`, { mayPass: true });
  } finally {
    clearTimeout(lastWords);
    ending.removeEventListener('abort', stop);
  }
}

function refused(message: string, { mayPass }: { mayPass: boolean }): ApplicationFailure {
  return ApplicationFailure.create({
    message: redactMessage(message),
    type: 'WEBHOOK_REFUSED',
    nonRetryable: !mayPass,
  });
}

/** The cause of an error of `fetch`, whose own message says nothing. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  if ('cause' in error && typeof error.cause === 'object' && error.cause !== null && 'code' in error.cause) {
    return String(error.cause.code);
  }
  return 'name' in error ? String(error.name) : 'an unknown error';
}
