import { createHmac, randomBytes } from 'node:crypto';
import type { TokenUsage } from '@tuneloop/app/internal/prompt/chat-message';
import type { Completion } from '../core/evaluation/completion.ts';
import { costPer1k, tariffOf } from '../core/evaluation/cost.ts';
import type { AnsweredRow, AskedScore } from '../core/evaluation/score.ts';
import { mean } from '../core/evaluation/statistics.ts';
import { originalProvider, type Pipeline } from '../core/run/pipeline.ts';
import { countMessages } from '../data/rows/provider-limits.ts';
import { TuneloopError } from '../errors.ts';
import { completeWithRetries } from '../providers/completion.ts';
import type { CompletionRequest } from '../providers/inference.ts';
import { Spending } from '../providers/spending.ts';
import { type JudgedPair, type JudgeVerdict, judgeMessages, judgeScore, judgeVerdict } from './judge.ts';
import type { ScoringDependencies } from './scoring-dependencies.ts';

/** Room for a judge that thinks before it answers; an endless answer is cut off, and not paid further. */
const MOST_OUTPUT_TOKENS = 2000;
/** The room for a verdict. */
const OUTPUT_TOKENS = 10;
/** A reply that is no verdict is asked for once more. */
const TRIES = 2;

const NOTHING: TokenUsage = { promptTokens: 0, completionTokens: 0 };

/**
 * Compares answers with the right ones by a model: each pair twice, in both orders, because models prefer a place. A win is worth 1, a tie
 * half. An answer that equals a right one ties without a question. `judge_unclear` is the share of a row's questions that got no verdict,
 * even when asked again: those count as a tie.
 *
 * @param limitUsd the most that may be spent, in USD; null for no limit.
 * @throws TuneloopError BUDGET_EXCEEDED where there is a limit, but no price to keep it by.
 */
export function openJudge(
  { prices, connectProvider }: ScoringDependencies,
  pipeline: Pipeline,
  { model }: { model: string },
  limitUsd: number | null,
): (row: AnsweredRow, right: string, signal: AbortSignal) => Promise<AskedScore> {
  const { inference, profile } = connectProvider(originalProvider(pipeline));
  const tariff = tariffOf(prices, profile.billing, model, false);
  if (tariff.kind === 'unknown' && limitUsd !== null) throw priceUnknown(model);
  const usdOf = (usage: TokenUsage) => (costPer1k(tariff, usage, 0) ?? 0) / 1000;
  // The author of a row cannot know the key, and so cannot know the marks around its texts.
  const key = randomBytes(32);
  const markOf = (pair: JudgedPair, attempt: number) =>
    createHmac('sha256', key)
      .update(JSON.stringify([pair, attempt]))
      .digest('hex')
      .slice(0, 32);
  let spending: Spending | undefined;
  let asked = 0;

  const complete = async (request: CompletionRequest): Promise<Completion> => {
    const expected = { promptTokens: countMessages(request.messages), completionTokens: OUTPUT_TOKENS };
    spending ??= new Spending(tariff, limitUsd, [], usdOf(expected));
    spending.start(`${asked} questions to the judge ${model}`);
    let usage = NOTHING;
    try {
      const completion = await completeWithRetries(inference, request);
      usage = completion;
      asked += 1;
      return completion;
    } finally {
      spending.end(usage);
    }
  };
  const compare = async (
    pair: JudgedPair,
    signal: AbortSignal,
  ): Promise<{ verdict: JudgeVerdict | null; usd: number }> => {
    let usd = 0;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const messages = judgeMessages(pair, markOf(pair, attempt));
      const completion = await complete({ model, messages, maxOutputTokens: MOST_OUTPUT_TOKENS, signal });
      usd += usdOf(completion);
      const verdict = judgeVerdict(completion.text);
      if (verdict) return { verdict, usd };
    }
    return { verdict: null, usd };
  };
  return async ({ input, answer, references }, right, signal) => {
    const same = references.some((reference) => reference.trim() === answer.trim());
    if (same) return { score: 0.5, scores: { judge_unclear: 0 }, usd: 0 };
    const first = await compare({ input, a: answer, b: right }, signal);
    const second = await compare({ input, a: right, b: answer }, signal);
    return {
      score: (judgeScore(first.verdict ?? 'tie', 'A') + judgeScore(second.verdict ?? 'tie', 'B')) / 2,
      scores: { judge_unclear: mean([first, second].map(({ verdict }) => Number(verdict === null))) },
      usd: tariff.kind === 'unknown' ? null : first.usd + second.usd,
    };
  };
}

function priceUnknown(model: string): TuneloopError {
  return new TuneloopError(
    'BUDGET_EXCEEDED',
    `the judge has a budget, but the price file has no price for ${model}: add one with TUNELOOP_PRICES, or leave out evaluation.judge.budget_usd and budget_usd`,
  );
}
