import { bleu } from './bleu.ts';
import { exactMatch } from './exact-match.ts';
import type { TextMetric } from './metric.ts';
import { normalisedExactMatch } from './normalised-exact-match.ts';
import { rougeL } from './rouge-l.ts';
import { similarity } from './similarity.ts';

/**
 * The metrics of written text by the name that pipelines and reports use. A metric that is listed here can be named in
 * `evaluation.metric`, is computed beside the others, and is held to the rules of test/scoring/scorer.test.ts.
 */
export const TEXT_METRICS = {
  rouge_l: rougeL,
  bleu: { score: ({ words: { answer, references } }) => bleu(answer, references) },
  similarity,
  exact_match: exactMatch,
  normalised_exact_match: normalisedExactMatch,
} satisfies Record<string, TextMetric>;

export type TextMetricName = keyof typeof TEXT_METRICS;

export const TEXT_METRIC_NAMES = Object.keys(TEXT_METRICS) as readonly TextMetricName[];
