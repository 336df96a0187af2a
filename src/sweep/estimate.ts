import type { Treatment } from '../dataset/instructions/template.ts';
import { costPer1k, type Prices, tariffOf, trainingCost } from '../evaluation/cost.ts';
import type { Candidate } from './plan.ts';

/** What a run is expected to cost, in USD; null where a price is unknown. */
export interface Estimate {
  trainingUsd: number | null;
  evaluationUsd: number | null;
  totalUsd: number | null;
  /** What an hour of the machine costs, where that is all there is to pay: with the local trainer. */
  machineUsdPerHour: number | null;
  /** Base models and the live baseline that the price file does not know. */
  unknownPrices: string[];
  /** What to hold back for each candidate, in the order of the candidates. */
  candidates: CandidateEstimate[];
  /** What to hold back for the winner and the baseline on the test rows. */
  final: { testUsd: number | null; baselineUsd: number | null };
}

export interface CandidateEstimate {
  trainingUsd: number | null;
  /** On the validation rows. */
  evaluationUsd: number | null;
}

/**
 * More is held back than estimated: a provider may count the tokens that frame a chat a little differently, and answers
 * may be longer than those of the log.
 */
const TRAINING_RESERVE = 1.1;
const EVALUATION_RESERVE = 1.25;

export interface EstimateInput {
  prices: Prices;
  local: boolean;
  candidates: readonly Candidate[];
  /** For each treatment of the candidates: tokens of the training file, once through, and of a mean request. */
  tokens: TreatedTokens;
  /** Rows that every candidate answers. */
  validationRows: number;
  /** Rows that only the winner and the baseline answer. */
  testRows: number;
  /** Mean tokens of an answer. */
  meanOutputTokens: number;
  /** The live baseline and the mean tokens of its whole prompt. */
  baseline?: { model: string; meanPromptTokens: number };
}

export type TreatedTokens = Partial<Record<Treatment, { train: number; request: number }>>;

/**
 * Training tokens x epochs x price, and the requests of the evaluation at the price of each model. For the local trainer
 * the cost is machine time, which is not known before; it is far below one cent and is estimated as 0.
 */
export function estimateRun(input: EstimateInput): Estimate {
  const { prices, local, tokens, validationRows, testRows, meanOutputTokens, baseline } = input;
  const unknownPrices = new Set<string>();
  const known = (model: string, usd: number | null) => {
    if (usd === null) unknownPrices.add(model);
    return usd;
  };
  const perRow = (model: string, tuned: boolean, promptTokens: number) => {
    const usage = { promptTokens, completionTokens: meanOutputTokens };
    const usd = local ? 0 : costPer1k(tariffOf(prices, { local }, model, tuned), usage, 0);
    return known(model, times(usd, 1 / 1000));
  };
  const costs = input.candidates.map(({ id, baseModel, hyperparameters, treatment }) => {
    const treated = tokens[treatment];
    if (!treated) throw new RangeError(`no token counts for ${id}`);
    const tariff = tariffOf(prices, { local }, baseModel, true);
    const trainingUsd = local ? 0 : trainingCost(tariff, treated.train * hyperparameters.epochs, 0);
    return { trainingUsd: known(baseModel, trainingUsd), rowUsd: perRow(baseModel, true, treated.request) };
  });
  // Which candidate wins is not known yet: the dearest is assumed.
  const dearest = costs.reduce<number | null>(
    (most, { rowUsd }) => (rowUsd === null || most === null ? null : Math.max(most, rowUsd)),
    0,
  );
  const testUsd = times(dearest, testRows);
  // Without test rows the baseline answers the validation rows.
  const baselineUsd = baseline
    ? times(perRow(baseline.model, false, baseline.meanPromptTokens), testRows > 0 ? testRows : validationRows)
    : 0;
  const trainingUsd = sum(costs.map((cost) => cost.trainingUsd));
  const evaluationUsd = sum([...costs.map(({ rowUsd }) => times(rowUsd, validationRows)), testUsd, baselineUsd]);
  const whole = unknownPrices.size === 0;
  return {
    trainingUsd: whole ? trainingUsd : null,
    evaluationUsd: whole ? evaluationUsd : null,
    totalUsd: whole ? sum([trainingUsd, evaluationUsd]) : null,
    machineUsdPerHour: local ? prices.local.machine_usd_per_hour : null,
    unknownPrices: [...unknownPrices],
    candidates: costs.map((cost) => ({
      trainingUsd: times(cost.trainingUsd, TRAINING_RESERVE),
      evaluationUsd: times(cost.rowUsd, validationRows * EVALUATION_RESERVE),
    })),
    final: { testUsd: times(testUsd, EVALUATION_RESERVE), baselineUsd: times(baselineUsd, EVALUATION_RESERVE) },
  };
}

function times(usd: number | null, factor: number): number | null {
  return usd === null ? null : usd * factor;
}

function sum(amounts: readonly (number | null)[]): number | null {
  return amounts.reduce<number | null>((total, usd) => (total === null || usd === null ? null : total + usd), 0);
}
