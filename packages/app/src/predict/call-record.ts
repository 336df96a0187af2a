import type { CapturedCall } from '../capture/record.ts';
import type { CaptureSink } from '../capture/sink.ts';
import type { CallResult } from './call.ts';
import type { CallRoute } from './route.ts';
import { servedCallMetadata } from './served-call.ts';

/** A call through a deployment, once its result is known. */
export interface FinishedCall {
  id: string;
  startedAt: Date;
  /** With all its attempts. */
  latencyMs: number;
  deployment: string;
  /** Number of the alias that served it; 0 without one. */
  decision: number;
  route: CallRoute;
  result: CallResult;
  /** The application's. */
  metadata: Readonly<Record<string, string>>;
}

/** Hands a call over to a log, a moment later. Never throws. */
export function recordCall(
  call: FinishedCall,
  sink: CaptureSink,
  redact: ((call: CapturedCall) => CapturedCall | null) | undefined,
): void {
  const recorded = new Promise<void>((resolve) => {
    // The application gets its answer first.
    setImmediate(() => {
      try {
        const record = recordOf(call);
        const kept = record && redact ? redact(record) : record;
        if (kept) sink.record(kept);
      } catch {
        // A hook of the application failed: no record.
      }
      resolve();
    });
  });
  try {
    sink.expect?.(recorded);
  } catch {
    // A sink of the application must not fail its calls.
  }
}

/** With the original prompt, whichever model was asked, because the next model is trained on the log. */
function recordOf({ id, startedAt, latencyMs, route, result, ...call }: FinishedCall): CapturedCall | null {
  const { prompt, arm } = route;
  // A log of whole prompts has no place for an input alone.
  if (!prompt) return null;
  const { answer, outcome, armLatencyMs } = result;
  const { deployment, decision } = call;
  const served = { deployment, decision, arm, outcome, answeredBy: answer?.arm ?? null, armLatencyMs };
  return {
    id,
    timestamp: startedAt.toISOString(),
    messages: prompt.map(({ role, content }) => ({ role, content })),
    completion: answer && answer.text !== '' ? answer.text : null,
    model: answer?.model ?? null,
    usage: answer?.usage
      ? { prompt_tokens: answer.usage.promptTokens, completion_tokens: answer.usage.completionTokens }
      : null,
    latency_ms: answer?.latencyMs ?? Math.round(latencyMs * 10) / 10,
    finish_reason: answer?.finishReason ?? null,
    ...(answer?.refusal ? { refusal: answer.refusal } : {}),
    metadata: { ...call.metadata, ...servedCallMetadata(served) },
  };
}
