import { randomUUID } from 'node:crypto';
import { type CapturedCall, type Exchange, recordOf } from '../capture/record.ts';
import type { CaptureSink } from '../capture/sink.ts';
import type { Alias } from '../deployment/alias.ts';
import { type ServedCall, servedCallMetadata } from '../deployment/served-call.ts';
import { isRecord } from '../trainer/training-file.ts';
import type { ChatRequest } from './gateway-request.ts';
import type { Attempt, CallRoute } from './route.ts';

/** What happens to one call, for the headers of its answer and for the log. */
export class CallTrace {
  readonly #request: ChatRequest;
  readonly #sink: CaptureSink | undefined;
  readonly #served: ServedCall;
  readonly #startedAt = new Date();
  readonly #start = performance.now();
  #model: string | null = null;
  #askedAt = 0;

  constructor(request: ChatRequest, alias: Alias, { arm, notAsked }: CallRoute, sink: CaptureSink | undefined) {
    this.#request = request;
    this.#sink = sink;
    this.#served = {
      deployment: alias.pipeline,
      decision: alias.decision,
      arm,
      outcome: notAsked ?? 'ok',
      answeredBy: null,
      armLatencyMs: null,
    };
  }

  get headers(): Record<string, string> {
    const { arm, outcome } = this.#served;
    return {
      'x-tuneloop-arm': arm,
      'x-tuneloop-outcome': outcome,
      ...(this.#model === null ? {} : { 'x-tuneloop-model': headerText(this.#model) }),
    };
  }

  /** A model is asked from now on. */
  ask({ model }: Attempt): void {
    this.#model = model;
    this.#askedAt = performance.now();
  }

  /** The model that was asked last is done. @param answered whether the application got its answer */
  end({ arm }: Attempt, outcome: 'ok' | 'error' | 'invalid', answered: boolean): void {
    if (answered) this.#served.answeredBy = arm;
    if (arm !== this.#served.arm) return;
    this.#served.outcome = outcome;
    this.#served.armLatencyMs = rounded(performance.now() - this.#askedAt);
  }

  /** The line of the log for an answer; undefined for what is no whole answer. */
  lineOf({ response, streamed }: Pick<Exchange, 'response' | 'streamed'>): CapturedCall | undefined {
    return recordOf({
      endpoint: 'chat/completions',
      request: JSON.stringify(this.#request.body),
      response,
      streamed,
      startedAt: this.#startedAt,
      latencyMs: performance.now() - this.#start,
    });
  }

  /** Hands the call to the log. @param line default: that of a call that nobody has answered */
  record(line: CapturedCall = this.#unanswered()): void {
    this.#sink?.record({ ...line, metadata: { ...line.metadata, ...servedCallMetadata(this.#served) } });
  }

  #unanswered(): CapturedCall {
    const { messages } = this.#request.body;
    return {
      id: `unanswered-${randomUUID()}`,
      timestamp: this.#startedAt.toISOString(),
      messages: (Array.isArray(messages) ? messages : [])
        .filter(isRecord)
        .map(({ role, content = null }) => ({ role: String(role), content })),
      completion: null,
      model: null,
      usage: null,
      latency_ms: rounded(performance.now() - this.#start),
      finish_reason: null,
    };
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** A model's name as a header can hold it. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
