import { settingsBesideEpochs } from '../../core/run/hyperparameters.ts';
import type { CandidateResult, ContenderResult } from '../../core/run/run-result.ts';
import {
  durationText,
  millisecondsText,
  percentText,
  scoreText,
  signedPoints,
  usdText,
} from '../../core/text/format.ts';
import type { Report } from '../report.ts';
import { dataTable, type TableRow } from './data-table.ts';
import { html, type Markup, type Value } from './markup.ts';
import { linearScale, type Scale } from './scale.ts';
import { DASH, orDash } from './section.ts';

const STATUS_SIGNS: Record<CandidateResult['status'], string> = {
  succeeded: '✓ succeeded',
  stopped: '■ stopped early',
  failed: '✕ failed',
  cancelled: '✕ cancelled',
  skipped: '– not trained',
};

const WIDTH = 130;

/** Every candidate with its checkpoints, and its outcome. */
export function candidatesTable({ candidates, winner, metric, dataset, optimism }: Report): Markup {
  const scale = scoreScale(candidates);
  return html`${dataTable({
    caption: `Candidates, measured on ${dataset.validation} validation rows`,
    cards: true,
    columns: [
      { name: 'candidate' },
      { name: 'status' },
      { name: metric },
      { name: 'USD per 1,000', numeric: true },
      { name: 'p50', numeric: true },
      { name: 'p95', numeric: true },
      { name: 'invalid', numeric: true },
      { name: 'training', numeric: true },
      { name: 'why' },
    ],
    rows: candidates.flatMap((candidate) => [
      tableRow(candidate, [statusText(candidate), trainingText(candidate)], winner, scale),
      ...candidate.checkpoints.map((checkpoint): TableRow => {
        const row = tableRow(checkpoint, ['checkpoint', ''], winner, scale);
        return { kind: 'minor', ...row };
      }),
    ]),
  })}
${optimism === null ? null : html`<p class="note">The best of several looks better on the rows that chose it than it is: here probably by ${signedPoints(optimism)} points.</p>`}`;
}

function statusText({ status, half, treatment, epochs, hyperparameters }: CandidateResult): Value {
  const { epochs: planned } = hyperparameters;
  const trained = epochs === null ? `${planned} epochs planned` : `${epochs} of ${planned} epochs`;
  return html`<span class="whole">${STATUS_SIGNS[status]}</span> <small class="whole">${trained}</small> <small>${settingsBesideEpochs(hyperparameters).join(', ')}</small>${half ? html` <small>on half of the rows</small>` : null}${treatment === 'strip' ? null : html` <small>${treatment}</small>`}`;
}

function trainingText({ trainingSeconds, trainingUsd }: CandidateResult): Value {
  return trainingSeconds === null && trainingUsd === null
    ? DASH
    : html`${orDash(trainingSeconds, durationText)}<br><small>${orDash(trainingUsd, usdText)}</small>`;
}

function tableRow(
  contended: ContenderResult,
  [status, training]: [Value, Value],
  winner: string | null,
  scale: Scale,
): TableRow {
  const { id, validation, costPer1kUsd, p50Ms, p95Ms, invalid, onFront, reason } = contended;
  const wins = id === winner;
  const why = [wins ? '◆ winner' : '', onFront ? 'on the front' : '', wins ? '' : (reason ?? '')];
  return {
    cells: [
      id,
      status,
      validation
        ? html`<span class="whole">${scoreText(validation.score, validation.interval)}</span> ${intervalPicture(validation, scale, wins)}`
        : DASH,
      orDash(costPer1kUsd, usdText),
      orDash(p50Ms, millisecondsText),
      orDash(p95Ms, millisecondsText),
      orDash(invalid, percentText),
      training,
      why.filter((text) => text !== '').join('; '),
    ],
    ...(wins ? { kind: 'winner' } : {}),
  };
}

function scoreScale(candidates: readonly CandidateResult[]): Scale {
  const ends = candidates
    .flatMap((candidate) => [candidate, ...candidate.checkpoints])
    .flatMap(({ validation }) =>
      validation ? [validation.interval?.low ?? validation.score, validation.interval?.high ?? validation.score] : [],
    );
  const [low, high] = ends.length === 0 ? [0, 1] : [Math.min(...ends), Math.max(...ends)];
  return linearScale([low, high > low ? high : low + 1], [6, WIDTH - 6], 2);
}

/** The figures stand beside it, so it is hidden from people who cannot see it. */
function intervalPicture(
  { score, interval }: NonNullable<ContenderResult['validation']>,
  scale: Scale,
  wins: boolean,
): Markup {
  const line = interval
    ? html`<line class="interval candidate" x1="${scale.at(interval.low)}" x2="${scale.at(interval.high)}" y1="7" y2="7"/>`
    : null;
  return html`<svg class="inline" aria-hidden="true" viewBox="0 0 ${WIDTH} 14" width="${WIDTH}" height="14">${line}<circle class="dot ${wins ? 'winner' : 'candidate'}" cx="${scale.at(score)}" cy="7" r="4"/></svg>`;
}
