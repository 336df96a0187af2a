import type { Pipeline } from '../config/pipeline.ts';
import type { Interval } from '../evaluation/statistics.ts';
import { percentText } from '../report/format.ts';
import type { Drift } from './drift.ts';

/** What is known when a schedule looks. */
export interface RetrainingInput {
  /** The dataset version of the newest run, and its examples; null where there was none. */
  trainedOn: { version: string; examples: number } | null;
  /** Examples that it had not. */
  newExamples: number;
  /** How far they differ from those before; null where they are too few to say. */
  drift: Pick<Drift, 'significant' | 'text'> | null;
  /** How the champion does on them; null where it was not asked. */
  championScore: { score: number; interval: Interval; n: number } | null;
  /** How it did when it won; null where that is not known. */
  championTest: { score: number; interval: Interval } | null;
  /** When the provider switches it off, ISO 8601; null where it does not say. */
  shutdownDate: string | null;
  /** Milliseconds since 1970. */
  now: number;
  settings: Pick<Pipeline['retraining'], 'min_new_examples' | 'min_growth' | 'shutdown_days'>;
}

export interface RetrainingReason {
  train: boolean;
  reason: string;
}

const DAY_MS = 86_400_000;
/** A score on fewer examples is mostly chance. */
const FEWEST_SCORED = 30;

/** Whether there is a reason to train again. Drift alone is none, as long as the champion copes with it. */
export function retrainingReason(input: RetrainingInput): RetrainingReason {
  const { trainedOn, newExamples, drift, championScore, championTest, shutdownDate, now, settings } = input;
  if (!trainedOn) return { train: true, reason: 'Nothing was trained yet.' };
  if (shutdownDate !== null) {
    const days = Math.ceil((Date.parse(shutdownDate) - now) / DAY_MS);
    if (days <= settings.shutdown_days) {
      const when = days > 0 ? `in ${days} days, on` : 'since';
      return { train: true, reason: `The provider switches the champion off ${when} ${shutdownDate.slice(0, 10)}.` };
    }
  }
  const growth = trainedOn.examples === 0 ? 1 : newExamples / trainedOn.examples;
  const grown = `${newExamples} new examples since ${trainedOn.version}, ${percentText(growth)} more`;
  if (newExamples >= settings.min_new_examples && growth >= settings.min_growth)
    return { train: true, reason: `${grown}.` };
  const needed = `(${settings.min_new_examples} and ${percentText(settings.min_growth)} are a reason)`;
  if (!drift) return { train: false, reason: `${grown} ${needed}.` };
  const looked = `${grown} ${needed}; ${drift.text}`;
  if (!drift.significant || !championScore || !championTest) return { train: false, reason: `${looked}.` };
  const { score, n } = championScore;
  const before = `${percentText(championTest.interval.low)} to ${percentText(championTest.interval.high)} in its test`;
  const scored = `the champion has ${percentText(score)} on ${n} of them, against ${before}`;
  const suffers = n >= FEWEST_SCORED && score < championTest.interval.low;
  return { train: suffers, reason: `${looked}; ${scored}.` };
}
