import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import type { Billing, Prices } from '../../src/core/evaluation/cost.ts';
import { estimateRun } from '../../src/core/run/estimate.ts';
import type { LeaseTerms } from '../../src/core/run/lease.ts';
import { planCandidates } from '../../src/core/run/plan.ts';
import { shopRows } from '../setup/shop-log.ts';
import { Draw, type RunPlan } from './plan.ts';

/** What the jobs of a run cost at a provider. */
export interface Costs {
  candidates: { models: string[]; learning_rate_multiplier: number[]; epochs: number };
  prices: Prices;
  billing: Billing;
  leases: LeaseTerms | null;
}

/** What a user of the shop may add: inputs are short in some runs and long in others. */
const ADDITIONS = [
  'I have written about this twice already and nobody has answered me so far.',
  'Please do not send me to the help pages again, I have read all of them.',
  'This was a present for my sister, and her birthday is on Saturday next week.',
  'The last time it took a fortnight, and in the end I had to call you myself.',
  'You may call me in the evening, during the day I am at work and cannot talk.',
  'Apart from that I have always been content with your shop, thank you for that.',
  'My neighbour had the same trouble in spring, and a colleague of yours was of help.',
];

/** Rows of the shop's log; another seed gives other texts. */
export function chaosRows({ rows, seed }: RunPlan): object[] {
  const draw = new Draw(seed);
  const additions = draw.integer(0, 3);
  return shopRows(rows).map((row) => {
    const { messages } = row as { messages: { role: string; content: string }[] };
    const [system, user] = messages;
    const added = Array.from({ length: additions }, () => draw.one(ADDITIONS));
    return { ...row, messages: [system, { role: 'user', content: [user?.content, ...added].join(' ') }] };
  });
}

/** A budget in USD for about the first candidates of this number; the training rows are not known before. */
export function budgetFor(
  affordable: number,
  rows: readonly object[],
  { candidates: lists, prices, billing, leases }: Costs,
): number {
  const contents = rows.map((row) => (row as { messages: { content: string }[] }).messages[1]?.content ?? '');
  const meanInputTokens = contents.reduce((sum, content) => sum + countTokens(content), 0) / rows.length;
  // Besides its contents an example has 11 tokens of frame, and a request 7.
  const { candidates, final } = estimateRun({
    prices,
    billing,
    candidates: planCandidates({ ...lists, treatment: 'strip' }).slice(0, affordable),
    tokens: { strip: { train: rows.length * 0.7 * (meanInputTokens + 11), request: meanInputTokens + 7 } },
    validationRows: rows.length * 0.15,
    testRows: rows.length * 0.15,
    meanOutputTokens: 1,
    meanPromptTokens: 0,
    baselineModel: null,
    champion: null,
    alternatives: [],
    checkpoints: null,
    judge: null,
    leases,
    concurrency: 8,
  });
  const usd = candidates.reduce(
    (sum, { trainingUsd, evaluationUsd, leasesUsd }) =>
      sum + (trainingUsd ?? 0) + (evaluationUsd ?? 0) + (leasesUsd ?? 0),
    0,
  );
  return Math.round((usd + (final.testUsd ?? 0) + (final.leasesUsd ?? 0)) * 1e4) / 1e4;
}
