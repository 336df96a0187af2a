import type { Comparison } from '../core/evaluation/comparison.ts';
import type { Recommendation } from '../core/evaluation/recommendation.ts';
import { settingsBesideEpochs } from '../core/run/hyperparameters.ts';
import type { CandidateResult, ContenderResult, Judged, RunFindings } from '../core/run/run-result.ts';
import {
  durationText,
  escapeMarkdown,
  millisecondsText,
  percentText,
  plainLine,
  pValueText,
  savingText,
  scoreText,
  signedPoints,
  usdText,
} from '../core/text/format.ts';

const DASH = '–';
const orDash = <T>(value: T | null, text: (value: T) => string) => (value === null ? DASH : text(value));

/** External text, on one line and without any meaning to Markdown; `~~~` would begin a block of code. */
const inert = (text: string) => escapeMarkdown(plainLine(text)).replaceAll('~', '\\~');

const RECOMMENDATIONS: Record<Recommendation, string> = {
  'fine-tune': 'Fine-tune',
  'do-not-fine-tune': 'Do not fine-tune',
  inconclusive: 'Inconclusive',
};

/** A run's verdict: its recommendation, and the reason. */
export function verdictText({ recommendation, reason }: Pick<RunFindings, 'recommendation' | 'reason'>): string {
  return `${RECOMMENDATIONS[recommendation]}: ${reason}`;
}

/** The consequence of a run for its winner. */
export function promotionText({ promote }: RunFindings['promotion']): string {
  return promote ? 'The winner should serve from now on' : 'What serves stays';
}

/** A comparison in words, the challenger first: `better by 3.1 points (95 % interval +1.0 to +5.2) on 400 rows; ...`. */
export function comparisonText(comparison: Comparison): string {
  const { verdict, n, difference, interval, gained, lost, pValue, test, rowsNeeded } = comparison;
  const range = `95 % interval ${signedPoints(interval.low)} to ${signedPoints(interval.high)}`;
  const p = pValue < 0.0001 ? `p ${pValueText(pValue)}` : `p = ${pValueText(pValue)}`;
  const by = test === 'mcnemar' ? 'exact McNemar' : 'sign-flip permutation';
  const needed = verdict === 'inconclusive' ? `; ${rowsNeededText(rowsNeeded)}` : '';
  return `${verdict}, ${signedPoints(difference)} points (${range}) on ${n} rows; ${gained} gained, ${lost} lost; ${p}, ${by}${needed}`;
}

/** The number of rows that would decide an inconclusive comparison. */
export function rowsNeededText(rowsNeeded: number | null): string {
  return rowsNeeded === null || !Number.isFinite(rowsNeeded)
    ? 'more rows alone would hardly decide it'
    : `about ${rowsNeeded} rows would decide it`;
}

/** The report of a run as Markdown. External text is escaped. */
export function markdownReport(report: RunFindings): string {
  const { dataset, candidates, winner, winnerReason, optimism, notes } = report;
  const blocks = [
    `# ${inert(report.pipeline)}: ${inert(report.runId)}`,
    `**${inert(verdictText(report))}**`,
    '## Before and after',
    beforeAndAfter(report),
    comparisonLines(report),
    `## Candidates, on ${dataset.validation} validation rows`,
    candidateTable(candidates, report),
    ...(winner === null
      ? ['No winner.']
      : [
          `Winner: **${inert(winner)}**${winnerReason === null ? '' : ` – ${inert(winnerReason)}`}.` +
            (optimism === null
              ? ''
              : ` The choice overstates the best validation score of several, here probably by ${(optimism * 100).toFixed(1)} points.`),
        ]),
    '## Data',
    `Dataset version ${inert(dataset.version)}: ${dataset.train} examples to train on, ${dataset.validation} to choose ` +
      `the winner, ${dataset.test} to judge it; ${dataset.dropped} rows dropped.`,
    '## What it cost to find out',
    costLines(report),
    ...(notes.length > 0 ? ['## Notes', list(notes.map(inert))] : []),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function beforeAndAfter({
  metric,
  judgedOn,
  localTrainer,
  baseline,
  winnerJudged,
  champion,
  alternatives,
}: RunFindings): string {
  const local = localTrainer ? '; local trainer, not an LLM' : '';
  const head = [
    '',
    'model',
    `${judgedOn} ${inert(metric)}`,
    'USD per 1,000 requests',
    'with cached prefix',
    'p50',
    'p95',
    'invalid',
  ];
  return table(head, [
    [`baseline (${baseline.kind}, whole prompt)`, ...judgedCells(baseline)],
    ...alternatives.map(({ model, judged, constrained }) => [
      constrained ? 'alternative (whole prompt, held to the form)' : 'alternative (whole prompt)',
      ...(judged ? judgedCells({ ...judged, model }) : [inert(model), ...head.slice(2).map(() => DASH)]),
    ]),
    ...(champion?.judged ? [['champion (serves now)', ...judgedCells(champion.judged)]] : []),
    ...(winnerJudged ? [[`winner (inputs only${local})`, ...judgedCells(winnerJudged)]] : []),
  ]);
}

function judgedCells(judged: Judged): string[] {
  const { model, score, scoreInterval, n, costPer1kUsd, cachedCostPer1kUsd, p50Ms, p95Ms, invalid } = judged;
  return [
    inert(model ?? 'unknown'),
    score === null ? DASH : `${inert(scoreText(score, scoreInterval))} (n = ${n})`,
    orDash(costPer1kUsd, usdText),
    orDash(cachedCostPer1kUsd, usdText),
    orDash(p50Ms, millisecondsText),
    orDash(p95Ms, millisecondsText),
    orDash(invalid, percentText),
  ];
}

function comparisonLines({ comparison, champion, promotion, alternatives }: RunFindings): string {
  return list([
    comparison
      ? `Winner against the baseline: ${comparisonText(comparison)}.`
      : 'The quality of winner and baseline cannot be compared.',
    ...(champion?.comparison
      ? [`Winner against the champion ${inert(champion.model)}: ${comparisonText(champion.comparison)}.`]
      : []),
    ...(champion ? [`${promotionText(promotion)}: ${inert(promotion.why)}`] : []),
    ...alternatives.flatMap((alternative) =>
      alternative.comparison
        ? [
            `Winner against ${inert(alternative.model)}${alternative.constrained ? ', held to the form' : ''}: ${comparisonText(alternative.comparison)}.`,
          ]
        : [],
    ),
  ]);
}

function candidateTable(candidates: readonly CandidateResult[], { metric, winner }: RunFindings): string {
  const head = [
    'candidate',
    'status',
    'epochs',
    'settings',
    `validation ${inert(metric)}`,
    'USD per 1,000',
    'p50',
    'p95',
    'invalid',
    'training',
    'training USD',
    'front',
    '',
  ];
  return table(
    head,
    candidates.flatMap((candidate) => [
      candidateRow(candidate, candidateCells(candidate), winner),
      ...candidate.checkpoints.map((checkpoint) => candidateRow(checkpoint, CHECKPOINT_CELLS, winner)),
    ]),
  );
}

interface CandidateCells {
  status: string;
  epochs: string;
  settings: string;
  training: string[];
}

const CHECKPOINT_CELLS: CandidateCells = { status: 'checkpoint', epochs: '', settings: '', training: ['', ''] };

function candidateCells(candidate: CandidateResult): CandidateCells {
  const { status, half, epochs, hyperparameters, trainingSeconds, trainingUsd } = candidate;
  return {
    status: half ? `${status}, on half of the rows` : status,
    epochs: `${epochs ?? DASH} of ${hyperparameters.epochs}`,
    settings: settingsBesideEpochs(hyperparameters).join(', '),
    training: [orDash(trainingSeconds, durationText), orDash(trainingUsd, usdText)],
  };
}

function candidateRow(
  contended: ContenderResult,
  { status, epochs, settings, training }: CandidateCells,
  winner: string | null,
) {
  const { id, validation, costPer1kUsd, p50Ms, p95Ms, invalid, onFront, reason } = contended;
  const isWinner = id === winner;
  return [
    isWinner ? `**${inert(id)}**` : inert(id),
    status,
    epochs,
    settings,
    validation ? inert(scoreText(validation.score, validation.interval)) : DASH,
    orDash(costPer1kUsd, usdText),
    orDash(p50Ms, millisecondsText),
    orDash(p95Ms, millisecondsText),
    orDash(invalid, percentText),
    ...training,
    onFront ? 'yes' : '',
    isWinner ? 'winner' : inert(reason ?? ''),
  ];
}

function costLines(report: RunFindings): string {
  const { estimate, spent, savingPercent, cachedSavingPercent, breakEvenRequests, breakEvenCachedRequests } = report;
  const { trained, planned } = spent.epochs;
  return list([
    `Spent ${usdText(spent.usd)}: ${usdText(spent.trainingUsd)} for ${trained} of ${planned} epochs, ` +
      `${usdText(spent.evaluationUsd)} for the evaluations. ${inert(estimate)}.`,
    ...(report.winnerJudged
      ? [
          `The winner against the baseline: ${againstText(savingPercent, breakEvenRequests)}.`,
          `Against the baseline with a cached prefix: ${againstText(cachedSavingPercent, breakEvenCachedRequests)}.`,
        ]
      : []),
  ]);
}

function againstText(savingPercent: number | null, breakEvenRequests: number | null): string {
  if (savingPercent === null) return 'costs cannot be compared';
  const paid =
    breakEvenRequests === null ? '' : `, which pays for the run after ${Math.ceil(breakEvenRequests)} requests`;
  return `${savingText(savingPercent)}${paid}`;
}

function list(items: readonly string[]): string {
  return items.map((item) => `* ${item}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
