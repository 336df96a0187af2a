import { randomInt } from 'node:crypto';
import { ApiError, invalid } from '@tuneloop/app/internal/shared/api-error';
import { AnswerText } from '../../answer-text.ts';
import type { AnswerEnd, AnswerPart, AnswerRequest, TokenLogprob } from '../../engine.ts';
import type { ContextPool, SequenceLease } from './context-pool.ts';
import type { EvaluatedToken, GrammarState, LlamaModel, Token } from './llama-types.ts';

/** Tokens of a prompt that are read in one go; a request can be broken off between two of them. */
const BATCH = 512;
/** Room for the answer, where the request does not limit it. More is made where it is needed. */
const ROOM = 128;
/** A character has at most this many bytes, and a token at least one. */
const LONGEST_CHARACTER = 4;

/** Whether a request was broken off. */
export interface Broken {
  readonly aborted: boolean;
}

interface Generation {
  readonly model: LlamaModel;
  readonly pool: ContextPool;
  readonly adapter: string | null;
  readonly request: AnswerRequest;
  readonly grammar: GrammarState | undefined;
  readonly seed: number;
  /** Prompt and answer. */
  readonly tokens: Token[];
  readonly promptTokens: number;
  /** Of prompt and answer together. */
  readonly mostTokens: number;
  /** Tokens whose text is not complete: a character may take several. */
  unread: Token[];
  written: string;
  cached: number | undefined;
}

/** Answers a prompt. */
export async function* generate(
  parts: { model: LlamaModel; pool: ContextPool; adapter: string | null; grammar: GrammarState | undefined },
  prompt: string,
  request: AnswerRequest,
  broken: Broken,
): AsyncGenerator<AnswerPart, AnswerEnd, void> {
  if (request.topLogprobs !== undefined && request.topP < 1) {
    throw invalid(
      'logprobs',
      "'logprobs' needs top_p 1 on this server, which would else count only the tokens kept by top_p.",
    );
  }
  const tokens = parts.model.tokenize(prompt, true);
  const promptTokens = tokens.length;
  const mostTokens = tokenLimit(promptTokens, request.mostTokens, parts.model.trainContextSize);
  const seed = request.seed ?? randomInt(2 ** 31);
  const generation = {
    ...parts,
    request,
    seed,
    tokens,
    promptTokens,
    mostTokens,
    unread: [],
    written: '',
    cached: undefined,
  };
  const text = new AnswerText(request.stop);
  const finishReason = yield* write(generation, text, broken);
  // An answer that was cut off may end within a character.
  const cut = text.stopped ? undefined : text.add(parts.model.detokenize(generation.unread, false), []);
  if (cut !== undefined) yield cut;
  const rest = text.end();
  if (rest !== undefined) yield rest;
  const cachedTokens = generation.cached ?? 0;
  return { finishReason, promptTokens, cachedTokens, completionTokens: tokens.length - promptTokens };
}

/** Tokens of prompt and answer together. */
function tokenLimit(prompt: number, answer: number, context: number): number {
  const asked = Number.isFinite(answer) ? answer : 1;
  if (prompt + asked > context) {
    throw new ApiError(
      400,
      `This model's maximum context length is ${context} tokens. However, you requested ${prompt + asked} tokens (${prompt} in the ` +
        `messages, ${asked} in the completion). Please reduce the length of the messages or completion.`,
      { param: 'messages', code: 'context_length_exceeded' },
    );
  }
  return Math.min(context, prompt + answer);
}

/** Writes until the answer ends, in as many contexts, each larger than the one before, as its length needs. */
async function* write(
  generation: Generation,
  text: AnswerText,
  broken: Broken,
): AsyncGenerator<AnswerPart, AnswerEnd['finishReason'], void> {
  const { pool, adapter, tokens, mostTokens, promptTokens } = generation;
  let size = Math.min(mostTokens, promptTokens + ROOM);
  for (;;) {
    const lease = await pool.acquire(adapter, tokens, size);
    try {
      const end = yield* writeIn(lease, generation, text, broken);
      if (end !== undefined) return end;
    } finally {
      lease.release();
    }
    size = Math.min(mostTokens, lease.size + 1);
  }
}

/** Undefined where the context is full. */
async function* writeIn(
  lease: SequenceLease,
  generation: Generation,
  text: AnswerText,
  broken: Broken,
): AsyncGenerator<AnswerPart, AnswerEnd['finishReason'] | undefined, void> {
  const { model, request, tokens, mostTokens, seed, grammar } = generation;
  const unread = await readPrompt(lease, generation, broken);
  if (broken.aborted) return 'stop';
  const { temperature, topP, topLogprobs } = request;
  const written = lease.sequence.evaluateWithMetadata(
    unread,
    topLogprobs === undefined ? {} : { probabilities: true },
    { temperature, topP, topK: 0, seed, ...(grammar && { grammarEvaluationState: grammar }) },
  );
  for await (const next of written) {
    if (broken.aborted || model.isEogToken(next.token)) return 'stop';
    tokens.push(next.token);
    const logprobs = topLogprobs === undefined ? [] : [logprobOf(model, next, temperature, topLogprobs)];
    const part = text.add(newText(generation, next.token), logprobs);
    if (part !== undefined) yield part;
    if (text.stopped || isWholeJson(generation)) return 'stop';
    if (tokens.length >= mostTokens) return 'length';
    if (tokens.length >= lease.size) return undefined;
  }
  return 'stop';
}

/** Reads the prompt but for its last batch, and none of what the sequence has read before. Returns the tokens that are left. */
async function readPrompt({ sequence }: SequenceLease, generation: Generation, broken: Broken): Promise<Token[]> {
  const { tokens } = generation;
  const same = sequence.nextTokenIndex === 0 ? 0 : sequence.compareContextTokens(tokens).firstDifferentIndex;
  // The last token is read again, because the next one follows from it.
  let read = Math.min(same, tokens.length - 1);
  generation.cached ??= read;
  if (read < sequence.nextTokenIndex) {
    await sequence.eraseContextTokenRanges([{ start: read, end: sequence.nextTokenIndex }]);
  }
  while (tokens.length - read > BATCH && !broken.aborted) {
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(read, read + BATCH));
    read += BATCH;
  }
  return tokens.slice(read);
}

/** The text of a token, with that of earlier ones whose character it completes. */
function newText(generation: Generation, token: Token): string {
  const { model, tokens } = generation;
  const unread = [...generation.unread, token];
  const before = tokens.slice(-unread.length - 4, -unread.length);
  const text = model.detokenize(unread, false, before);
  const complete = !text.endsWith('\uFFFD') || unread.length >= LONGEST_CHARACTER;
  generation.unread = complete ? [] : unread;
  if (complete) generation.written += text;
  return complete ? text : '';
}

/** The grammars of JSON allow any number of line breaks at the end, which a model may go on writing. */
function isWholeJson({ request: { constraint }, written }: Generation): boolean {
  if (constraint === undefined || constraint.kind === 'choice' || !/[}\]"]$/.test(written)) return false;
  try {
    JSON.parse(written);
    return true;
  } catch {
    return false;
  }
}

/** Of the distribution before the temperature, over the tokens that the constraint allows. */
function logprobOf(model: LlamaModel, next: EvaluatedToken, temperature: number, top: number): TokenLogprob {
  const scale = temperature > 0 ? temperature : 1;
  const raw = [...(next.probabilities ?? [])].map(([token, p]) => ({ token, logit: scale * Math.log(p) }));
  const total = Math.log(raw.reduce((sum, { logit }) => sum + Math.exp(logit), 0));
  const shown = ({ token, logit }: { token: Token; logit: number }) => {
    const text = model.detokenize([token], true);
    return { token: text, logprob: Math.max(logit - total, -9999), bytes: [...Buffer.from(text)] };
  };
  const own = raw.find(({ token }) => token === next.token) ?? { token: next.token, logit: 0 };
  return { ...shown(own), top_logprobs: raw.slice(0, top).map(shown) };
}
