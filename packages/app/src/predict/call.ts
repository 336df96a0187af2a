import type { TokenUsage } from '../prompt/chat-message.ts';
import type { Arm } from './alias.ts';
import type { AnswerForm, CheckedAnswer } from './answer-form.ts';
import type { ChatClient, ChatCompletion } from './chat-client.ts';
import type { Attempt, CallRoute } from './route.ts';
import type { CallOutcome } from './served-call.ts';

export interface CallOptions {
  /** Asks for models of the deployment. */
  client: ChatClient;
  /** Asks for the original prompt. */
  originalClient: ChatClient;
  form: AnswerForm;
  maxOutputTokens: number | null;
  /** For all attempts together. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export interface Answer extends CheckedAnswer {
  arm: Arm;
  /** Of the response; null where it has none. */
  id: string | null;
  text: string;
  /** As the response names it. */
  model: string;
  refusal: string | null;
  usage: TokenUsage | null;
  finishReason: string | null;
  /** Of this attempt. */
  latencyMs: number;
}

export interface CallResult {
  /** The result of the arm's model. */
  outcome: CallOutcome;
  /** Its latency, or the time until it failed; null where it was not asked. */
  armLatencyMs: number | null;
  /** The first valid answer, else the latest invalid one; null where there is no answer at all. */
  answer: Answer | null;
  /** Why the other attempts gave no answer: the model that was asked, and its error, without anything of the prompt. */
  failures: string[];
}

/**
 * Asks one model after the other until one gives a valid answer. While further models remain, an attempt gets its part of the remaining
 * time: with one more to ask, half of it.
 *
 * @throws the reason of the signal, as soon as it is aborted.
 */
export async function makeCall({ arm, notAsked, attempts }: CallRoute, options: CallOptions): Promise<CallResult> {
  const { form, timeoutMs, signal } = options;
  const start = performance.now();
  let own: Pick<CallResult, 'outcome' | 'armLatencyMs'> = { outcome: notAsked ?? 'error', armLatencyMs: null };
  let answer: Answer | null = null;
  const failures: string[] = [];
  for (const [index, attempt] of attempts.entries()) {
    signal?.throwIfAborted();
    const askedAt = performance.now();
    const leftMs = Math.max(0, timeoutMs - (askedAt - start)) / (attempts.length - index);
    const reply = await ask(attempt, leftMs, options);
    const latencyMs = Math.round((performance.now() - askedAt) * 10) / 10;
    let outcome: CallOutcome = 'error';
    if ('failure' in reply) {
      failures.push(`${attempt.arm} ${attempt.model} ${reply.failure}`);
    } else {
      answer = { ...reply, ...form(reply, attempt.labels), arm: attempt.arm, latencyMs };
      outcome = answer.valid ? 'ok' : 'invalid';
    }
    if (attempt.arm === arm) own = { outcome, armLatencyMs: latencyMs };
    if (outcome === 'ok') break;
  }
  return { ...own, answer, failures };
}

type Reply = Omit<Answer, keyof CheckedAnswer | 'arm' | 'latencyMs'> | { failure: string };

async function ask(
  { arm, model, callAs, messages, constraint }: Attempt,
  timeoutMs: number,
  { client, originalClient, maxOutputTokens, signal }: CallOptions,
): Promise<Reply> {
  const limit = new Limit(timeoutMs, signal);
  try {
    // Sent as evaluations send it. No retries, because the next model is the retry.
    const completion = await limit.race(
      (arm === 'original' ? originalClient : client).chat.completions.create(
        {
          model: callAs,
          messages,
          temperature: 0,
          ...constraint,
          ...(maxOutputTokens === null ? {} : { max_completion_tokens: maxOutputTokens }),
        },
        { signal: limit.signal, timeout: limit.ms, maxRetries: 0 },
      ),
    );
    return replyOf(completion, model);
  } catch (error) {
    signal?.throwIfAborted();
    return { failure: limit.signal.aborted ? `did not answer within ${limit.ms} ms` : reasonOf(error) };
  } finally {
    limit.lift();
  }
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Ends a request when its time is over or the caller aborts. The client's own limit ends with the head of a response, and it would leave a
 * listener at the caller's signal for each request.
 */
class Limit {
  readonly ms: number;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #callers: AbortSignal | undefined;
  readonly #end = () => this.#controller.abort();

  constructor(ms: number, callers: AbortSignal | undefined) {
    this.ms = Math.min(Math.ceil(ms), LONGEST_TIMER_MS);
    this.#timer = setTimeout(this.#end, this.ms);
    this.#callers = callers;
    callers?.addEventListener('abort', this.#end);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Does not wait for a client that ignores its signal. */
  race<T>(work: PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason));
      work.then(resolve, reject);
    });
  }

  lift(): void {
    clearTimeout(this.#timer);
    this.#callers?.removeEventListener('abort', this.#end);
  }
}

/** Servers that only nearly speak the protocol leave out parts that its types promise. */
function replyOf(completion: ChatCompletion, model: string): Reply {
  const choice = completion.choices?.[0];
  if (!choice?.message) return { failure: 'gave no completion' };
  const { id, usage } = completion;
  const { content, refusal } = choice.message;
  return {
    id: id || null,
    text: content ?? '',
    model: completion.model || model,
    refusal: refusal ?? null,
    usage: usage ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens } : null,
    finishReason: choice.finish_reason ?? null,
  };
}

const PLAIN_CODE = /^[\w.-]{1,64}$/;

/**
 * Status and code of an error of the client. Its message is left out, because a server may repeat the request in it. Read by their names,
 * because the application's client may be of another copy of the package.
 */
function reasonOf(error: unknown): string {
  const { status, code } = fieldsOf(error);
  const name = typeof code === 'string' && PLAIN_CODE.test(code) ? ` ${code}` : '';
  if (typeof status === 'number') return `answered ${status}${name}`;
  let root = error;
  for (let cause = fieldsOf(root).cause; cause !== undefined; cause = fieldsOf(root).cause) root = cause;
  const { code: rootCode, name: rootName } = fieldsOf(root);
  const reason = [rootCode, rootName].find((text) => typeof text === 'string' && PLAIN_CODE.test(text));
  return `could not be asked (${reason ?? 'unknown error'})`;
}

function fieldsOf(error: unknown): Partial<Record<'status' | 'code' | 'name' | 'cause', unknown>> {
  return typeof error === 'object' && error !== null ? error : {};
}
