import type { Drift } from '../dataset/drift.ts';
import type { Interval } from '../evaluation/statistics.ts';
import type { Pipeline } from '../run/pipeline.ts';
import { percentText } from '../text/format.ts';

/** The findings of a look at the data. */
export interface RetrainingInput {
  newestRun: NewestRun | null;
  /** Examples that the newest run did not have. */
  newExamples: number;
  /** How the new examples differ from the older ones; null where they are too few to decide. */
  drift: Pick<Drift, 'significant' | 'text'> | null;
  /** The champion; null where the original prompt serves. */
  champion: Champion | null;
  /** Milliseconds since 1970. */
  now: number;
  settings: Pick<Pipeline['retraining'], 'min_new_examples' | 'min_growth' | 'shutdown_days'>;
}

interface NewestRun {
  /** The dataset version that it used, and its number of examples. */
  version: string;
  examples: number;
  /** The end of the run, ISO 8601; null where it is not known. */
  endedAt: string | null;
  /** Whether this run produced the champion. */
  madeChampion: boolean;
}

/** The serving model, as far as it can be a reason to train. */
export interface Champion {
  /** Its score when it won; null where that is not known. */
  test: { score: number; interval: Interval } | null;
  /** Its score on the new examples, or why it was not asked; null before it is asked. */
  score: { score: number; interval: Interval; n: number } | { notAsked: string } | null;
  /** Whether the provider still lists it. */
  listed: boolean;
  /** When the provider switches it off, ISO 8601; null where it does not say. */
  shutdownDate: string | null;
}

/** A short text, to list and filter looks by. */
export type SkipReason = 'few new examples' | 'no drift' | 'no champion' | 'champion copes' | 'champion not asked';

export type RetrainingReason = { train: true; reason: string } | { train: false; because: SkipReason; reason: string };

const DAY_MS = 86_400_000;
/** With fewer examples, a score is mostly chance. */
const FEWEST_SCORED = 30;

/** Decides whether there is a reason to train again. Drift alone is no reason while the champion still answers well. */
export function retrainingReason(input: RetrainingInput): RetrainingReason {
  const { newestRun, newExamples, drift, champion, settings } = input;
  if (!newestRun) return { train: true, reason: 'Nothing was trained yet.' };
  const end = endOfChampion(newestRun, input);
  if (end?.train) return { train: true, reason: end.text };
  const growth = newestRun.examples === 0 ? 1 : newExamples / newestRun.examples;
  const grown = `${newExamples} new examples since dataset ${newestRun.version}, ${percentText(growth)} more`;
  if (newExamples >= settings.min_new_examples && growth >= settings.min_growth)
    return { train: true, reason: `${grown}.` };
  const looked = `${grown} (${settings.min_new_examples} and ${percentText(settings.min_growth)} are a reason)`;
  const skip = (because: SkipReason, ...found: string[]): RetrainingReason => {
    const reason = `${[looked, ...found].join('; ').replace(/\.$/, '')}.`;
    return { train: false, because, reason: end ? `${reason} ${end.text}` : reason };
  };
  if (!drift) return skip('few new examples');
  if (!drift.significant) return skip('no drift', drift.text);
  if (!champion)
    return skip('no champion', drift.text, 'the serving model is no model of a run, so drift is no reason to train');
  const { score, test } = champion;
  if (!score || !test)
    return skip('champion not asked', drift.text, 'it is not known how the champion did in its test');
  if ('notAsked' in score) {
    if (champion.listed) return skip('champion not asked', drift.text, `the champion was not asked: ${score.notAsked}`);
    return { train: true, reason: `${looked}; ${drift.text}; the champion is gone from its provider.` };
  }
  const before = `${percentText(test.interval.low)} to ${percentText(test.interval.high)} in its test`;
  const scored = `the champion has ${percentText(score.score)} on ${score.n} of them, against ${before}`;
  if (score.n < FEWEST_SCORED) return skip('champion not asked', drift.text, `${scored}: too few to decide`);
  if (score.score >= test.interval.low) return skip('champion copes', drift.text, scored);
  return { train: true, reason: `${looked}; ${drift.text}; ${scored}.` };
}

/**
 * The text about the end of the champion at its provider; null where there is nothing to say. Its end is a reason for one run when it is
 * near, and for another one once it is past, because a run that has found no better model would find none in the next look either.
 */
function endOfChampion(
  { endedAt, madeChampion }: NewestRun,
  { champion, now, settings }: RetrainingInput,
): { train: boolean; text: string } | null {
  if (!champion) return null;
  const { listed, shutdownDate } = champion;
  const shutdown = Date.parse(shutdownDate ?? '');
  const from = shutdown - settings.shutdown_days * DAY_MS;
  if (shutdownDate === null || !(from <= now)) {
    const text = 'The provider no longer lists the champion: if it is gone, roll it back, or start a run.';
    return listed ? null : { train: false, text };
  }
  const days = Math.ceil((shutdown - now) / DAY_MS);
  const when = days > 0 ? `in ${days} ${days === 1 ? 'day' : 'days'}, on` : 'since';
  const text = `The provider switches the champion off ${when} ${shutdownDate.slice(0, 10)}`;
  const tried = !madeChampion && Date.parse(endedAt ?? '') >= (days > 0 ? from : shutdown);
  return tried
    ? { train: false, text: `${text}, and the newest run has not replaced it yet.` }
    : { train: true, text: `${text}.` };
}
