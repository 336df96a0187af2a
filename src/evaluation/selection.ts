import { percentText } from '../report/format.ts';

/** What the choice of a winner looks at. */
export interface Contender {
  id: string;
  /** Mean score on the validation rows, 0 to 1. */
  score: number;
  /** USD, null where no price is known. */
  costPer1kUsd: number | null;
  p95Ms: number;
  /** Share of answers that are empty or cut off, 0 to 1. */
  invalid: number;
}

export interface SelectionRule {
  /** A score at most this much below the best counts as a tie. */
  margin: number;
  max_cost_per_1k_usd?: number | undefined;
  max_p95_ms?: number | undefined;
  max_invalid: number;
}

export interface Selection {
  winner: string | null;
  /** Why each of the others, and perhaps all, did not win; in words, by id. */
  rejected: Record<string, string>;
}

/**
 * The cheapest of those candidates that pass the caps and score within `margin` of the best of them. An unknown cost
 * cannot pass a cap on cost and counts as the highest. Remaining ties go to the better score, the lower p95, the
 * smaller id, so that the choice does not depend on the order of the candidates.
 */
export function selectWinner(contenders: readonly Contender[], rule: SelectionRule): Selection {
  const rejected: Record<string, string> = {};
  const passing = contenders.filter((contender) => {
    const reason = violatedCap(contender, rule);
    if (reason) rejected[contender.id] = reason;
    return !reason;
  });
  const best = Math.max(...passing.map(({ score }) => score));
  // Scores are sums of floats: a difference below 1e-9 is rounding, not quality.
  const tied = passing.filter(({ score }) => score >= best - rule.margin - 1e-9);
  const [winner] = tied.toSorted(
    (a, b) => costForTies(a) - costForTies(b) || b.score - a.score || a.p95Ms - b.p95Ms || (a.id < b.id ? -1 : 1),
  );
  for (const { id } of passing) {
    if (id === winner?.id) continue;
    rejected[id] = tied.some((contender) => contender.id === id)
      ? 'as good, but not cheaper'
      : 'lower validation score';
  }
  return { winner: winner?.id ?? null, rejected };
}

// A finite stand-in for an unknown cost, because Infinity - Infinity is NaN.
const costForTies = ({ costPer1kUsd }: Contender) => costPer1kUsd ?? Number.MAX_VALUE;

function violatedCap({ costPer1kUsd, p95Ms, invalid }: Contender, rule: SelectionRule): string | undefined {
  if (invalid > rule.max_invalid) {
    return `${percentText(invalid)} of its answers are empty or cut off, and selection.max_invalid is ${percentText(rule.max_invalid)}`;
  }
  if (rule.max_cost_per_1k_usd !== undefined) {
    if (costPer1kUsd === null) return 'its cost is unknown and selection.max_cost_per_1k_usd is set';
    if (costPer1kUsd > rule.max_cost_per_1k_usd)
      return `costs more than ${rule.max_cost_per_1k_usd} USD per 1,000 requests`;
  }
  if (rule.max_p95_ms !== undefined && p95Ms > rule.max_p95_ms) return `p95 latency above ${rule.max_p95_ms} ms`;
  return undefined;
}
