import { randomUUID } from 'node:crypto';
import { type CapturedCall, type Exchange, recordOf } from '@tuneloop/app/internal/capture/record';
import type { CaptureSink } from '@tuneloop/app/internal/capture/sink';
import type { Alias } from '@tuneloop/app/internal/predict/alias';
import type { Attempt, CallRoute } from '@tuneloop/app/internal/predict/route';
import { type ServedCall, servedCallMetadata } from '@tuneloop/app/internal/predict/served-call';
import { isRecord } from '@tuneloop/app/internal/shared/json-body';
import type { ChatRequest } from './request.ts';

/** The events of one call, for the headers of its answer and for the log. */
export class CallTrace {
  readonly #request: ChatRequest;
  readonly #sink: CaptureSink | undefined;
  readonly #served: ServedCall;
  readonly #startedAt = new Date();
  /** The model that was asked last, or that has answered. */
  #model: string | null = null;
  #askedAt = performance.now();
  #line: CapturedCall | undefined;

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
    if (this.#served.answeredBy === null) this.#model = model;
    this.#askedAt = performance.now();
  }

  /** The model that was asked last has finished. */
  end({ arm }: Attempt, outcome: 'ok' | 'error' | 'invalid'): void {
    if (arm !== this.#served.arm) return;
    this.#served.outcome = outcome;
    this.#served.armLatencyMs = this.#latencyMs();
  }

  /** The model that was asked last has given the answer for the application. Undefined for an incomplete answer. */
  take({ arm, model }: Attempt, answer: Pick<Exchange, 'response' | 'streamed'>): CapturedCall | undefined {
    try {
      this.#line = recordOf({
        endpoint: 'chat/completions',
        request: JSON.stringify(this.#request.body),
        ...answer,
        startedAt: this.#startedAt,
        latencyMs: this.#latencyMs(),
      });
    } catch {
      // A stream with events of another form: the log does not judge it.
    }
    if (this.#line) {
      this.#served.answeredBy = arm;
      this.#model = model;
    }
    return this.#line;
  }

  /** Hands the call to the log. */
  record(): void {
    const line = this.#line ?? this.#unanswered();
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
      latency_ms: this.#latencyMs(),
      finish_reason: null,
    };
  }

  /** The result of the model that was asked last. */
  #latencyMs(): number {
    return Math.round((performance.now() - this.#askedAt) * 10) / 10;
  }
}

/** A model's name as a header can hold it. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
