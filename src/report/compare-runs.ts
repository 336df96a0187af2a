import { type Comparison, compareScores } from '../core/evaluation/comparison.ts';
import { savingPercent } from '../core/evaluation/cost.ts';
import type { ContenderResult, Judged } from '../core/run/run-result.ts';
import { millisecondsText, percentText, savingText, scoreText, usdText } from '../core/text/format.ts';
import { comparisonText, verdictText } from './markdown-report.ts';
import type { Report } from './report.ts';

/** Two runs side by side. */
export interface RunComparison {
  runs: [string, string];
  /** The differences, in words, the most important first. */
  changes: string[];
  /** The winner of the second run against that of the first; null where that is unknown. */
  winners: Comparison | null;
  /** Each figure of the first run and of the second. */
  figures: ComparedFigure[];
}

interface ComparedFigure {
  name: string;
  first: string;
  second: string;
}

/** Scores of the winner by the id of the row. */
export type WinnerScores = ReadonlyMap<string, number>;

const DASH = '-';
const orDash = <T>(value: T | null, text: (value: T) => string) => (value === null ? DASH : text(value));

/**
 * Compares two runs. Winners are compared on the rows that judged both: rows never change sides, so that neither winner was trained on
 * them. Runs with different measures are not compared by their scores.
 */
export function compareRuns(
  first: Report,
  second: Report,
  scores: { first: WinnerScores; second: WinnerScores },
): RunComparison {
  const winners = compareWinners(first, second, scores);
  const comparison = 'reason' in winners ? null : winners;
  const quality =
    'reason' in winners
      ? `The winners are not compared: ${winners.reason}.`
      : `The second winner against the first: ${comparisonText(winners)}.`;
  return {
    runs: [first.runId, second.runId],
    changes: [
      ...recommendationChange(first, second),
      quality,
      ...warnings(first, second, comparison),
      ...costChange(first, second),
      ...dataChange(first, second),
      planChange(first, second),
    ],
    winners: comparison,
    figures: FIGURES.map(([name, text]) => ({ name, first: text(first), second: text(second) })),
  };
}

function compareWinners(
  first: Report,
  second: Report,
  scores: { first: WinnerScores; second: WinnerScores },
): Comparison | { reason: string } {
  if (first.pipeline !== second.pipeline) return { reason: 'the runs are of different pipelines' };
  if (first.task !== second.task) return { reason: `one task is ${first.task}, the other ${second.task}` };
  if (first.metric !== second.metric) {
    return { reason: `one is measured by ${first.metric}, the other by ${second.metric}` };
  }
  if (!first.winnerJudged || !second.winnerJudged) return { reason: 'a run without a judged winner is among them' };
  const challenger: number[] = [];
  const other: number[] = [];
  for (const [id, score] of scores.first) {
    const another = scores.second.get(id);
    if (another === undefined) continue;
    other.push(score);
    challenger.push(another);
  }
  if (challenger.length === 0) return { reason: 'no row has judged both' };
  const margin = second.comparison?.margin ?? first.comparison?.margin ?? 0;
  return compareScores(challenger, other, margin, chosenAmong(first, second));
}

/** The number of contenders that shared judging rows chose among; 1 where other rows judged in both runs. */
function chosenAmong(...reports: Report[]): number {
  const contenders = reports.map(({ judgedOn, candidates }) =>
    judgedOn === 'test' ? 1 : candidates.flatMap(contendedOf).filter(({ validation }) => validation !== null).length,
  );
  return Math.max(1, ...contenders);
}

function contendedOf(candidate: ContenderResult & { checkpoints: ContenderResult[] }): ContenderResult[] {
  return [candidate, ...candidate.checkpoints];
}

function recommendationChange(first: Report, second: Report): string[] {
  if (first.recommendation === second.recommendation) return [`Both runs say the same: ${second.recommendation}.`];
  return ['The recommendation has changed.', `First: ${verdictText(first)}`, `Second: ${verdictText(second)}`];
}

function warnings(first: Report, second: Report, comparison: Comparison | null): string[] {
  const said: string[] = [];
  const rows = Math.min(first.winnerJudged?.n ?? 0, second.winnerJudged?.n ?? 0);
  if (comparison && comparison.n < rows) said.push(`Only ${comparison.n} rows judged both.`);
  if (comparison && (first.judgedOn === 'validation' || second.judgedOn === 'validation')) {
    said.push('A winner is judged on the rows that chose it, which flatters it.');
  }
  if (first.localTrainer !== second.localTrainer) said.push('One of the winners is of the local trainer, not an LLM.');
  return said;
}

function costChange({ winnerJudged: before }: Report, { winnerJudged: after }: Report): string[] {
  const saving = savingPercent(before?.costPer1kUsd ?? null, after?.costPer1kUsd ?? null);
  if (saving === null) return [];
  // Less is written as 0.0 %.
  const isSame = Math.abs(saving) < 0.05;
  return [isSame ? 'Both winners cost the same.' : `A request to the second winner is ${savingText(saving)}.`];
}

function dataChange({ dataset: before }: Report, { dataset: after }: Report): string[] {
  if (before.version === after.version) return [`Both have dataset version ${after.version}.`];
  const sides = (['train', 'validation', 'test'] as const).map(
    (side) => `${signed(after[side] - before[side])} ${side}`,
  );
  return [`The data have changed: version ${before.version} to ${after.version}, ${sides.join(', ')} rows.`];
}

function planChange(first: Report, second: Report): string {
  const [before, after] = [first, second].map(({ candidates }) => candidates.map(({ id }) => id));
  const came = (after ?? []).filter((id) => !before?.includes(id)).length;
  const went = (before ?? []).filter((id) => !after?.includes(id)).length;
  return came + went === 0
    ? 'Both have tried the same candidates.'
    : `The candidates have changed: ${came} came, ${went} went.`;
}

const signed = (difference: number) => (difference > 0 ? `+${difference}` : `${difference}`);

const ofWinner =
  <T>(figure: (judged: Judged) => T | null, text: (value: T) => string) =>
  ({ winnerJudged }: Report) =>
    orDash(winnerJudged && figure(winnerJudged), text);

const FIGURES: [name: string, text: (report: Report) => string][] = [
  ['recommendation', ({ recommendation }) => recommendation],
  ['against its baseline', ({ comparison }) => orDash(comparison, ({ verdict }) => verdict)],
  ['metric', ({ metric }) => metric],
  ['winner', ({ winner }) => winner ?? DASH],
  ['model', ({ winnerModel }) => winnerModel ?? DASH],
  ['quality of the winner', ({ winnerJudged }) => qualityText(winnerJudged)],
  ['quality of the baseline', ({ baseline }) => qualityText(baseline)],
  ['judged on', ({ judgedOn, winnerJudged }) => `${winnerJudged?.n ?? 0} ${judgedOn} rows`],
  ['USD per 1,000 requests', ofWinner(({ costPer1kUsd }) => costPer1kUsd, usdText)],
  ['p50', ofWinner(({ p50Ms }) => p50Ms, millisecondsText)],
  ['p95', ofWinner(({ p95Ms }) => p95Ms, millisecondsText)],
  ['invalid answers', ofWinner(({ invalid }) => invalid, percentText)],
  ['dataset version', ({ dataset }) => dataset.version],
  ['training rows', ({ dataset }) => `${dataset.train}`],
  ['candidates', ({ candidates }) => `${candidates.length}`],
  ['epochs trained', ({ spent: { epochs } }) => `${epochs.trained} of ${epochs.planned}`],
  ['spent', ({ spent }) => usdText(spent.usd)],
];

function qualityText(judged: Judged | null): string {
  return judged?.score == null ? DASH : scoreText(judged.score, judged.scoreInterval);
}
