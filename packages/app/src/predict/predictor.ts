import { randomUUID } from 'node:crypto';
import type { CapturedCall } from '../capture/record.ts';
import type { CaptureSink } from '../capture/sink.ts';
import { TuneloopError } from '../errors.ts';
import type { Message, TokenUsage } from '../prompt/chat-message.ts';
import type { Arm } from './alias.ts';
import { AliasCache } from './alias-cache.ts';
import { makeCall } from './call.ts';
import { type FinishedCall, recordCall } from './call-record.ts';
import type { ChatClient } from './chat-client.ts';
import { routeCall } from './route.ts';
import type { CallOutcome } from './served-call.ts';

export interface PredictorOptions {
  /** The name of the pipeline. */
  deployment: string;
  /** The folder of the workers, `TUNELOOP_HOME`. Default `.tuneloop`. */
  home?: string;
  /** The client for the models of the deployment, at the provider that has trained them; the `openai` package has one. */
  client: ChatClient;
  /** The client and model for the original prompt. Default: the same client, and the model that the log names. */
  fallback?: { client?: ChatClient; model?: string };
  /** Takes all calls, so that they become a log to train on. The application closes it. Default: no log. */
  sink?: CaptureSink;
  /** Changes a record before it is kept, or drops it by null. A record for which it fails is dropped, so that no text slips by. */
  redact?: (call: CapturedCall) => CapturedCall | null;
  /** How often the alias is read. Default 5000. */
  refreshMs?: number;
  /** For a whole call with all its attempts. Default 30,000. */
  timeoutMs?: number;
  /** Is told that the alias cannot be read; the last good one stays in use. Once for each new reason. */
  onError?: (error: unknown) => void;
}

export interface PredictOptions {
  signal?: AbortSignal;
  /** Calls of the same key stay on the same side of a canary, for example a person's. Default: the input. */
  key?: string;
  /** Instead of the predictor's. */
  timeoutMs?: number;
  /** Recorded with the call. */
  metadata?: Record<string, string>;
}

export interface Prediction {
  /** Names the call for {@link Predictor.recordActual}. */
  id: string;
  /** The answer as it arrived. */
  text: string;
  /** For classification: the answer without white space around it. Null for generation, and where `valid` is false. */
  label: string | null;
  /** Where the pipeline has a JSON Schema: the document that fits it. Else null, and where `valid` is false. */
  json: unknown;
  /** Whether the answer is whole and of the required form. False only if no model had a valid one. */
  valid: boolean;
  /** As the response names it. */
  model: string;
  answeredBy: Arm;
  /** The arm that the call belongs to. */
  arm: Arm;
  /** The result of the arm's model. */
  outcome: CallOutcome;
  usage: TokenUsage | null;
  finishReason: string | null;
  /** Of the whole call, in milliseconds. */
  latencyMs: number;
}

export interface Predictor {
  /**
   * @param input an input without instructions, or the original prompt around it, from which they are removed.
   * @throws TuneloopError PREDICTION_FAILED where no model could answer; the reason of `signal`, once it is aborted.
   */
  predict(input: string | readonly Message[], options?: PredictOptions): Promise<Prediction>;
  /**
   * Records the right answer to a call, or the quality of its answer. See the sink.
   *
   * @param id of the prediction.
   * @param output the right answer; null where only the quality is known.
   * @param quality 0 (useless) to 1 (right).
   * @param by the author of the judgement, for example `person:ana`.
   */
  recordActual(id: string, output: string | null, quality?: number, by?: string): void;
  /** Reads the alias now. */
  refresh(): Promise<void>;
  /** Stops reading the alias. Calls continue with the last one. */
  close(): void;
}

const HOME = '.tuneloop';
const REFRESH_MS = 5000;
const TIMEOUT_MS = 30_000;

/**
 * Calls a deployment, whichever model serves at the time, with inputs only. The first call waits for the alias to be read, others never do.
 * A missing or unreadable alias leaves the original prompt.
 */
export function createPredictor(options: PredictorOptions): Predictor {
  const { deployment, home = HOME, client, fallback = {}, sink, redact, refreshMs = REFRESH_MS, onError } = options;
  const opening = AliasCache.open({ deployment, home, onError }).then((aliases) => {
    aliases.refreshEvery(refreshMs);
    return aliases;
  });
  return {
    async predict(input, { signal, key, timeoutMs = options.timeoutMs ?? TIMEOUT_MS, metadata = {} } = {}) {
      const startedAt = new Date();
      const start = performance.now();
      const { alias, form } = (await opening).current;
      const route = routeCall(alias, input, { key, now: startedAt.getTime(), originalModel: fallback.model });
      const result = await makeCall(route, {
        client,
        originalClient: fallback.client ?? client,
        form,
        maxOutputTokens: alias?.maxOutputTokens ?? null,
        timeoutMs,
        signal,
      });
      const call: FinishedCall = {
        id: result.answer?.id ?? `tuneloop-${randomUUID()}`,
        startedAt,
        latencyMs: performance.now() - start,
        deployment,
        decision: alias?.decision ?? NO_DECISION,
        route,
        result,
        metadata,
      };
      if (sink) recordCall(call, sink, redact);
      return predictionOf(call);
    },
    recordActual: (id, output, quality, by) => sink?.recordActual(id, output, quality, by),
    refresh: async () => (await opening).refresh(),
    close: () => void opening.then((aliases) => aliases.close()),
  };
}

/** Before the first one. */
const NO_DECISION = 0;

/** @throws TuneloopError PREDICTION_FAILED */
function predictionOf(call: FinishedCall): Prediction {
  const { id, latencyMs, deployment, route, result } = call;
  const { answer, outcome } = result;
  if (!answer) throw new TuneloopError('PREDICTION_FAILED', `${deployment}: ${whyNobody(call)}`);
  const { text, label, json, valid, model, arm: answeredBy, usage, finishReason } = answer;
  return { id, text, label, json, valid, model, answeredBy, arm: route.arm, outcome, usage, finishReason, latencyMs };
}

function whyNobody({
  decision,
  route: { arm, notAsked, attempts, prompt },
  result: { failures },
}: FinishedCall): string {
  const reasons = [...failures];
  if (decision === NO_DECISION) reasons.unshift('`home` has no alias of this name that can be read');
  if (notAsked === 'shutdown') reasons.unshift(`the model of the ${arm} is switched off`);
  if (notAsked === 'unfit' && arm !== 'original') reasons.unshift(`the prompt does not fit the model of the ${arm}`);
  if (!prompt) {
    reasons.push('the original prompt cannot be built of the input alone: give the messages of the whole prompt');
  } else if (!attempts.some((attempt) => attempt.arm === 'original')) {
    reasons.push('the model for the original prompt is unknown: set fallback.model');
  }
  return `no model could answer: ${reasons.join('; ')}`;
}
