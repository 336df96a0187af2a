import type { Treatment } from '@tuneloop/app/internal/prompt/prompt-template';
import {
  type Billing,
  costPer1k,
  machinePerHour,
  type Prices,
  tariffOf,
  trainingCost,
  trainingTariffOf,
} from '../evaluation/cost.ts';
import { type CheckpointRows, mostCheckpoints } from './checkpoints.ts';
import type { LeaseTerms } from './lease.ts';
import { estimateLeases } from './lease-estimate.ts';
import type { Candidate } from './plan.ts';

/**
 * The highest cost of a run, in USD; null where a price is unknown. The run costs less if jobs are stopped early, checkpoints are not worth
 * evaluating, or the provider caches the prompts' common prefix.
 */
export interface Estimate {
  trainingUsd: number | null;
  evaluationUsd: number | null;
  /** What the serving leases of both evaluations cost, reserve included; 0 without leases, missing in plans of earlier versions. */
  leasesUsd?: number | null;
  /** Their hours together, those of all leases added up. */
  leaseHours?: number;
  totalUsd: number | null;
  /** The price of an hour of the machine, where machine time is the only cost: with the local trainer. */
  machineUsdPerHour: number | null;
  /** Models without a price in the price file. */
  unknownPrices: string[];
  /** The money to hold back for each candidate, in the order of the candidates. */
  candidates: CandidateEstimate[];
  /** The money to hold back for the steps after the candidates. */
  final: FinalEstimate;
}

export interface FinalEstimate {
  /** The winner on the test rows. */
  testUsd: number | null;
  baselineUsd: number | null;
  /** The serving model; 0 where the original prompt serves. */
  championUsd: number | null;
  /** Each of the models with the original prompt, in their order. */
  alternativesUsd: (number | null)[];
  /** The judge, for all its answers in the run; 0 without a judge. */
  judgeUsd: number | null;
  /** The serving leases of the final test; 0 without leases, missing in plans of earlier versions. */
  leasesUsd?: number | null;
}

export interface CandidateEstimate {
  trainingUsd: number | null;
  /** On the validation rows, with the largest number of checkpoints that may be evaluated. */
  evaluationUsd: number | null;
  /** Its share in the serving leases of the validation rows; 0 without leases, missing in plans of earlier versions. */
  leasesUsd?: number | null;
}

/**
 * The reservation exceeds the estimate by this factor, because a provider may count the tokens that frame a chat a little differently, and
 * answers may be longer than those of the log.
 */
const TRAINING_RESERVE = 1.1;
const EVALUATION_RESERVE = 1.25;

export interface EstimateInput {
  prices: Prices;
  billing: Billing;
  /** Of the provider that answers the original prompt and judges; default: the same. */
  originalBilling?: Billing;
  candidates: readonly Candidate[];
  /** For each treatment of the candidates: tokens of the training file, once through, and of a mean request. */
  tokens: TreatedTokens;
  /** Rows that every candidate answers. */
  validationRows: number;
  /** Rows that only the winner and the baseline answer. */
  testRows: number;
  /** Mean tokens of an answer. */
  meanOutputTokens: number;
  /** Mean tokens of the whole original prompt. */
  meanPromptTokens: number;
  /** The live baseline; null where the log has its answers. */
  baselineModel: string | null;
  /** The serving model; null for the original prompt. One with a lease needs no other. */
  champion: { baseModel: string; treatment: Treatment; lease?: object } | null;
  /** Models that get the original prompt too. */
  alternatives: readonly string[];
  /** The rule for the evaluated checkpoints; null for no checkpoints. */
  checkpoints: CheckpointRows | null;
  /** The judge; null without one. Its budget is in USD; null for no budget of its own. */
  judge: { model: string; budgetUsd: number | null } | null;
  /** The terms of serving leases; null where models are called without. */
  leases: LeaseTerms | null;
  /** Requests in flight. */
  concurrency: number;
}

/** Tokens of the judge's own instructions, and of its answer: a short JSON object. */
const JUDGE_TOKENS = { prompt: 250, completion: 30 };
/** An answer and the right one, in both orders. */
const JUDGE_CALLS = 2;

export type TreatedTokens = Partial<Record<Treatment, { train: number; request: number }>>;

/**
 * Training tokens x epochs x price, and the requests of the evaluation at the price of each model, without any cache. The cost of the local
 * trainer is machine time, which is not known before; it is far below one cent and is estimated as 0.
 */
export function estimateRun(input: EstimateInput): Estimate {
  const {
    prices,
    billing,
    originalBilling = billing,
    tokens,
    validationRows,
    testRows,
    meanOutputTokens,
    meanPromptTokens,
  } = input;
  const { baselineModel, champion, alternatives, checkpoints, judge } = input;
  const local = billing.charges === 'machine-time';
  const unknownPrices = new Set<string>();
  const known = (model: string, usd: number | null) => {
    if (usd === null) unknownPrices.add(model);
    return usd;
  };
  const perCall = (model: string, tuned: boolean, promptTokens: number, completionTokens = meanOutputTokens) => {
    const by = tuned ? billing : originalBilling;
    const tariff = tariffOf(prices, by, model, tuned);
    const usd = by.charges === 'machine-time' ? 0 : costPer1k(tariff, { promptTokens, completionTokens }, 0);
    return known(model, times(usd, 1 / 1000));
  };
  const costs = input.candidates.map(({ id, baseModel, hyperparameters: { epochs }, treatment, half }) => {
    const treated = tokens[treatment];
    if (!treated) throw new RangeError(`no token counts for ${id}`);
    const tariff = trainingTariffOf(prices, billing, baseModel);
    const trainedTokens = treated.train * epochs * (half ? 0.5 : 1);
    const trainingUsd = known(baseModel, local ? 0 : trainingCost(tariff, trainedTokens, 0));
    const models = half ? 1 : 1 + mostCheckpoints(epochs, checkpoints);
    return { trainingUsd, rowUsd: perCall(baseModel, true, treated.request), models };
  });
  // The winner is not known yet: the most expensive candidate is assumed.
  const testUsd = times(highest(costs.map(({ rowUsd }) => rowUsd)), testRows);
  // Without test rows the baseline answers the validation rows.
  const judgedRows = testRows > 0 ? testRows : validationRows;
  const prompted = (model: string) => times(perCall(model, false, meanPromptTokens), judgedRows);
  const baselineUsd = baselineModel === null ? 0 : prompted(baselineModel);
  const alternativesUsd = alternatives.map(prompted);
  // The length of its prompt after cleaning may not be known: at most it is the whole prompt.
  const championRequest = (champion && tokens[champion.treatment]?.request) ?? meanPromptTokens;
  const championUsd = champion ? times(perCall(champion.baseModel, true, championRequest), judgedRows) : 0;

  const models = costs.reduce((count, cost) => count + cost.models, 0);
  const judgings = models * validationRows + testRows + (1 + (champion ? 1 : 0) + alternatives.length) * judgedRows;
  // It reads the request, its answer and the right one.
  const judgePrompt = meanPromptTokens + 2 * meanOutputTokens + JUDGE_TOKENS.prompt;
  const judgeUsd = judge
    ? times(perCall(judge.model, false, judgePrompt, JUDGE_TOKENS.completion), JUDGE_CALLS * judgings)
    : 0;
  const judgeCap = judge?.budgetUsd ?? Number.POSITIVE_INFINITY;

  const leases = estimateLeases(input, judgedRows);
  for (const model of leases.unknownPrices) unknownPrices.add(model);

  const trainingUsd = sum(costs.map((cost) => cost.trainingUsd));
  const evaluationUsd = sum([
    ...costs.map(({ rowUsd, models }) => times(rowUsd, models * validationRows)),
    testUsd,
    baselineUsd,
    championUsd,
    ...alternativesUsd,
    atMost(judgeUsd, judgeCap),
  ]);
  const whole = unknownPrices.size === 0;
  return {
    trainingUsd: whole ? trainingUsd : null,
    evaluationUsd: whole ? evaluationUsd : null,
    leasesUsd: whole ? leases.usd : null,
    leaseHours: leases.hours,
    totalUsd: whole ? sum([trainingUsd, evaluationUsd, leases.usd]) : null,
    machineUsdPerHour: billing.charges === 'machine-time' ? machinePerHour(prices, billing) : null,
    unknownPrices: [...unknownPrices],
    candidates: costs.map(({ trainingUsd, rowUsd, models }, place) => ({
      trainingUsd: times(trainingUsd, TRAINING_RESERVE),
      evaluationUsd: times(rowUsd, models * validationRows * EVALUATION_RESERVE),
      leasesUsd: leases.candidates[place] ?? null,
    })),
    final: {
      testUsd: times(testUsd, EVALUATION_RESERVE),
      baselineUsd: times(baselineUsd, EVALUATION_RESERVE),
      championUsd: times(championUsd, EVALUATION_RESERVE),
      alternativesUsd: alternativesUsd.map((usd) => times(usd, EVALUATION_RESERVE)),
      judgeUsd: atMost(times(judgeUsd, EVALUATION_RESERVE), judgeCap),
      leasesUsd: leases.final,
    },
  };
}

/** Null where one is unknown. */
function highest(amounts: readonly (number | null)[]): number | null {
  return amounts.reduce<number | null>((most, usd) => (usd === null || most === null ? null : Math.max(most, usd)), 0);
}

function atMost(usd: number | null, cap: number): number | null {
  return usd === null ? null : Math.min(usd, cap);
}

function times(usd: number | null, factor: number): number | null {
  return usd === null ? null : usd * factor;
}

function sum(amounts: readonly (number | null)[]): number | null {
  return amounts.reduce<number | null>((total, usd) => (total === null || usd === null ? null : total + usd), 0);
}
