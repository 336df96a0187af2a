import type { Alias } from '@tuneloop/app/internal/predict/alias';
import type { AnswerForm, GivenAnswer } from '@tuneloop/app/internal/predict/answer-form';
import { type Attempt, type CallRoute, routeCall } from '@tuneloop/app/internal/predict/route';
import { withoutThoughts } from '../../core/evaluation/thoughts.ts';
import { endpointOf } from '../../providers/endpoint.ts';
import { type ProviderProfile, settingsFor } from '../../providers/profile.ts';
import { profileOf } from '../../providers/profiles/index.ts';
import { asEvents } from './events.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { type Chunk, failure, readReply, type Whole } from './reply.ts';
import { type ChatRequest, withOldPrompt } from './request.ts';
import { CallTrace } from './trace.ts';
import { Upstream } from './upstream.ts';

/** The answer to the application. */
export interface GatewayAnswer {
  status: number;
  headers: Record<string, string>;
  body: string | AsyncIterable<Buffer>;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const EVENT_TYPE = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
/** The time that a model may be silent while another one can be asked. */
const SILENCE_MS = 30_000;
/** The time limit of the official client. */
const LAST_SILENCE_MS = 600_000;
/** A longer answer is passed on and not recorded. */
const LONGEST_RECORDED = 32 * 2 ** 20;

/** Answers the gateway's calls: asks one model after another by the call's route, until one gives an answer that fits. */
export class GatewayCalls {
  readonly #upstream = new Upstream();
  readonly #options: Pick<GatewayOptions, 'trainerUrl' | 'fallbackModel' | 'sink'>;

  constructor(options: Pick<GatewayOptions, 'trainerUrl' | 'fallbackModel' | 'sink'>) {
    this.#options = options;
  }

  /**
   * @throws TuneloopError ENVIRONMENT_INVALID where the provider's key is missing; the reason of the signal once the
   * application has left
   */
  async answer(
    given: ChatRequest,
    { alias, form }: { alias: Alias; form: AnswerForm },
    signal: AbortSignal,
  ): Promise<GatewayAnswer> {
    const request = withOldPrompt(given, alias);
    const { trainerUrl, fallbackModel, sink } = this.#options;
    const route = routeOf(request, alias, fallbackModel);
    // A request for more than text says itself which form it needs.
    const isValid: Judge = (answer, { labels }) => request.prompt === null || form(afterThoughts(answer), labels).valid;
    const trace = new CallTrace(request, alias, route, sink);
    let failed = failure(
      `no model is known for the original prompt of ${alias.pipeline}: start the gateway with --fallback-model`,
    );
    let answer: Whole | undefined;
    for (const [index, attempt] of route.attempts.entries()) {
      const isLast = index === route.attempts.length - 1;
      trace.ask(attempt);
      const profile = profileOf(attempt.provider ?? alias.provider, trainerUrl);
      const endpoint = endpointOf(profile);
      const body = bodyFor(attempt, request, { profile, maxOutputTokens: alias.maxOutputTokens });
      const reply = await this.#upstream
        .ask(endpoint, body, { silenceMs: isLast ? LAST_SILENCE_MS : SILENCE_MS, signal })
        .then(
          (message) => readReply(message, endpoint.apiKey),
          (error: unknown) => failure(`the provider does not answer: ${error}`),
        );
      signal.throwIfAborted();
      if (reply.kind === 'failed') {
        trace.end(attempt, 'error');
        failed = reply;
        continue;
      }
      if (reply.kind === 'streaming') {
        const events = followed(reply.chunks, { attempt, isValid, trace, signal });
        return { status: 200, headers: { ...EVENT_TYPE, ...trace.headers }, body: events };
      }
      const valid = isValid(reply, attempt);
      trace.end(attempt, valid ? 'ok' : 'invalid');
      trace.take(attempt, { response: reply.body, streamed: false });
      answer = reply;
      if (valid) break;
    }
    trace.record();
    if (!answer) {
      const { status, headers, body } = failed;
      return { status, headers: { ...JSON_TYPE, ...headers, ...trace.headers }, body: JSON.stringify(body) };
    }
    // An invalid answer is better than none, if no further model can do better.
    return request.stream
      ? {
          status: 200,
          headers: { ...EVENT_TYPE, ...trace.headers },
          body: asEvents(answer.completion, request.includeUsage),
        }
      : { status: 200, headers: { ...JSON_TYPE, ...trace.headers }, body: answer.body };
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }
}

/** A request that cannot go to a tuned model is routed like a prompt that follows no template. */
function routeOf({ prompt, key, body }: ChatRequest, alias: Alias, originalModel: string | undefined): CallRoute {
  const options = { now: Date.now(), originalModel };
  if (prompt) return routeCall(alias, prompt, { ...options, key });
  return routeCall(alias, [], { ...options, key: key ?? JSON.stringify(body.messages) });
}

/**
 * The application's request with another model and prompt. The original prompt is sent unchanged; settings that the application leaves open
 * are those of the evaluation that chose the tuned model.
 */
function bodyFor(
  { arm, callAs, messages, constraint }: Attempt,
  { body }: ChatRequest,
  { profile, maxOutputTokens }: BodyOptions,
): string {
  const { lengthField } = profile;
  const isLimited = (body.max_completion_tokens ?? body.max_tokens ?? null) !== null;
  const limit = isLimited ? body.max_completion_tokens : maxOutputTokens;
  const asEvaluated = {
    messages,
    temperature: body.temperature ?? 0,
    // A form that the application asks for is its own.
    ...(body.response_format === undefined && constraint),
    ...(limit == null ? {} : { max_completion_tokens: undefined, [lengthField]: limit }),
  };
  const isOriginal = arm === 'original';
  return JSON.stringify({
    ...(isOriginal ? {} : settingsFor(profile, 'completion')),
    ...body,
    model: callAs,
    ...(isOriginal ? {} : asEvaluated),
  });
}

interface BodyOptions extends Pick<Alias, 'maxOutputTokens'> {
  profile: ProviderProfile;
}

/** Thoughts have no form; the application gets them all the same. */
function afterThoughts(answer: GivenAnswer): GivenAnswer {
  return { ...answer, text: withoutThoughts(answer.text).text };
}

type Judge = (answer: GivenAnswer, attempt: Attempt) => boolean;

interface Followed {
  attempt: Attempt;
  isValid: Judge;
  trace: CallTrace;
  signal: AbortSignal;
}

/** An answer as it arrives; at its end it is judged and recorded. An answer that the application leaves before its end is not. */
async function* followed(
  chunks: AsyncIterable<Chunk>,
  { attempt, isValid, trace, signal }: Followed,
): AsyncGenerator<Buffer> {
  const tape: Buffer[] = [];
  let length = 0;
  let isOver = false;
  const finish = () => {
    isOver = true;
    if (length > LONGEST_RECORDED) return;
    const line = trace.take(attempt, { response: Buffer.concat(tape).toString('utf8'), streamed: true });
    const answer = line && { text: line.completion ?? '', finishReason: line.finish_reason };
    trace.end(attempt, !answer ? 'error' : isValid(answer, attempt) ? 'ok' : 'invalid');
    trace.record();
  };
  try {
    for await (const { bytes, isLast } of chunks) {
      length += bytes.length;
      if (length <= LONGEST_RECORDED) tape.push(bytes);
      // Before the application has the answer, because then it may leave at once.
      if (isLast) finish();
      yield bytes;
    }
  } catch (error) {
    if (!signal.aborted) {
      trace.end(attempt, 'error');
      trace.record();
    }
    throw error;
  }
  if (!isOver) finish();
}
