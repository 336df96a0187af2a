import type { Alias } from '../deployment/alias.ts';
import type { AnswerForm } from './answer-form.ts';
import type { GatewayOptions } from './gateway.ts';
import { asEvents } from './gateway-events.ts';
import { failure, readReply } from './gateway-reply.ts';
import type { ChatRequest } from './gateway-request.ts';
import { CallTrace } from './gateway-trace.ts';
import { endpointOf, Upstream } from './gateway-upstream.ts';
import { type Attempt, type CallRoute, routeCall } from './route.ts';

/** What goes back to the application. */
export interface GatewayAnswer {
  status: number;
  headers: Record<string, string>;
  body: string | AsyncIterable<Buffer>;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const EVENT_TYPE = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
/** What is longer is passed on and not recorded. */
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
   *   application has left
   */
  async answer(
    request: ChatRequest,
    { alias, form }: { alias: Alias; form: AnswerForm },
    signal: AbortSignal,
  ): Promise<GatewayAnswer> {
    const { trainerUrl, fallbackModel, sink } = this.#options;
    const endpoint = endpointOf(alias.provider, trainerUrl);
    // The local trainer's answers come whole.
    const streams = request.stream && alias.provider !== 'local';
    const route = routeOf(request, alias, fallbackModel);
    const trace = new CallTrace(request, alias, route, sink);
    let failed = failure(
      `no model is known for the original prompt of ${alias.pipeline}: start the gateway with --fallback-model`,
    );
    let answer: WholeAnswer | undefined;
    for (const [index, attempt] of route.attempts.entries()) {
      const silenceMs = index === route.attempts.length - 1 ? LAST_SILENCE_MS : SILENCE_MS;
      trace.ask(attempt);
      const reply = await this.#upstream.ask(endpoint, bodyFor(attempt, request, streams), { silenceMs, signal }).then(
        (message) => readReply(message, endpoint.apiKey),
        (error: unknown) => failure(`the provider does not answer: ${error}`),
      );
      signal.throwIfAborted();
      if (reply.kind === 'failed') {
        trace.end(attempt, 'error');
        failed = reply;
      } else if (reply.kind === 'streaming') {
        const body = followed(reply.chunks, { attempt, form, trace, signal });
        return { status: 200, headers: { ...EVENT_TYPE, ...trace.headers }, body };
      } else {
        const { valid } = form(reply, attempt.labels);
        trace.end(attempt, valid ? 'ok' : 'invalid');
        answer = reply;
        trace.answer(attempt, reply.body, false)
        if (valid) break;
      }
    }
  close(): void {
    this.#upstream.close();
  }
}

/** What cannot go to a tuned model is routed as a prompt that follows no template. */
function routeOf({ prompt, key, body }: ChatRequest, alias: Alias, originalModel: string | undefined): CallRoute {
  const options = { now: Date.now(), originalModel };
  if (prompt) return routeCall(alias, prompt, { ...options, key });
  return routeCall(alias, [], { ...options, key: key ?? JSON.stringify(body.messages) });
}

/** The application's request with another model and prompt. The original prompt goes as it came. */
function bodyFor({ arm, model, messages }: Attempt, { body, stream }: ChatRequest, streams: boolean): string {
  const { stream_options, ...others } = body;
  return JSON.stringify({
    ...others,
    model,
    messages: arm === 'original' ? body.messages : messages,
    ...(stream ? { stream: streams } : {}),
    ...(streams && stream_options !== undefined ? { stream_options } : {}),
  });
}

interface Followed {
  attempt: Attempt;
  alias: Alias;
  trace: CallTrace;
  signal: AbortSignal;
}

/** The chunks of an answer as they come; at its end it is judged and recorded. */
async function* followed(chunks: AsyncIterable<Buffer>, { attempt, alias, trace, signal }: Followed) {
  const tape: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes <= LONGEST_RECORDED) tape.push(chunk);
      yield chunk;
    }
  } catch (error) {
    if (!signal.aborted) {
      trace.end(attempt, 'error', false);
      trace.record();
    }
    throw error;
  }
  const line =
    bytes <= LONGEST_RECORDED
      ? trace.lineOf({ response: Buffer.concat(tape).toString('utf8'), streamed: true })
      : undefined;
  const outcome = !line ? 'error' : isFitting(line.completion, attempt, alias) ? 'ok' : 'invalid';
  trace.end(attempt, outcome, line !== undefined);
  trace.record(line);
}

function isFitting(answer: string | null, { labels }: Attempt, _alias: Alias): boolean {
  return labels === null || labels.includes(answer?.trim() ?? '');
}
