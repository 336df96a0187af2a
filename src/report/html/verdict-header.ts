import type { Recommendation } from '../../core/evaluation/recommendation.ts';
import type { Judged } from '../../core/run/run-result.ts';
import { millisecondsText, savingText, scoreText, signedPoints, usdText } from '../../core/text/format.ts';
import { promotionText } from '../markdown-report.ts';
import type { Report } from '../report.ts';
import { VERDICT_SIGNS } from './forest-plot.ts';
import { html, type Markup, type Value } from './markup.ts';
import { countText, localMark } from './section.ts';

export const RECOMMENDATIONS: Record<Recommendation, { sign: string; text: string }> = {
  'fine-tune': { sign: '✓', text: 'Fine-tune' },
  'do-not-fine-tune': { sign: '✕', text: 'Do not fine-tune' },
  inconclusive: { sign: '?', text: 'Inconclusive' },
};

/** The verdict in one sentence and the three figures that matter. */
export function verdictHeader(report: Report): Markup {
  const { pipeline, runId, createdAt, recommendation, reason } = report;
  const { sign, text } = RECOMMENDATIONS[recommendation];
  return html`<header>
<p class="run"><strong>${pipeline}</strong> <span>run ${runId.replace(`${pipeline}/`, '')}</span> <time datetime="${createdAt}">${dateText(createdAt)}</time></p>
<h1><span class="badge ${recommendation}"><span aria-hidden="true">${sign}</span> ${text}</span></h1>
<p class="lead">${reason}</p>
${winnerLine(report)}
${championLine(report)}
${localMark(report)}
<dl class="three">${[qualityFigure(report), costFigure(report), latencyFigure(report)]}</dl>
</header>
`;
}

/** ISO 8601 to minutes; any other text stays unchanged. */
function dateText(iso: string): string {
  return iso.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*$/, '$1, $2 UTC');
}

function winnerLine({ winner, winnerModel, winnerReason }: Report): Markup {
  if (winner === null) return html`<p>No candidate won.</p>`;
  const why = winnerReason === null ? '' : `: ${winnerReason}`;
  return html`<p>Winner: <strong>${winner}</strong>${why}. ${winnerModel === null ? null : html`Model <code>${winnerModel}</code>.`}</p>`;
}

/** Only if there is one; otherwise the verdict says it all. */
function championLine({ champion, promotion }: Report): Markup | null {
  if (!champion) return null;
  return html`<p>Champion: <code>${champion.model}</code>. ${promotionText(promotion)}: ${promotion.why}</p>`;
}

interface KeyFigure {
  name: string;
  value: Value;
  lines: Value[];
}

function keyFigure({ name, value, lines }: KeyFigure): Markup {
  return html`<div><dt>${name}</dt><dd><span class="value">${value}</span>${lines.map((line) => (line === null ? null : html`<span>${line}</span>`))}</dd></div>`;
}

function qualityFigure(report: Report): Markup {
  const { comparison, winnerJudged, baseline, metric, judgedOn } = report;
  const name = `Quality (${metric})`;
  const scores = [scoreLine('winner', winnerJudged), scoreLine('baseline', baseline)];
  if (!comparison) return keyFigure({ name, value: winnerJudged ? 'not compared' : 'no winner', lines: scores });
  const { difference, interval, n, verdict } = comparison;
  return keyFigure({
    name,
    value: html`${signedPoints(difference)} <small>points</small>`,
    lines: [
      html`<b class="${verdict}">${VERDICT_SIGNS[verdict]}</b>, 95 % interval ${signedPoints(interval.low)} to ${signedPoints(interval.high)}`,
      ...scores,
      `${countText(n)} ${judgedOn} rows that both have answered`,
    ],
  });
}

function scoreLine(name: string, judged: Judged | null): string | null {
  if (!judged) return null;
  return `${name} ${judged.score === null ? 'unknown' : scoreText(judged.score, judged.scoreInterval)}`;
}

function costFigure(report: Report): Markup {
  const { savingPercent, cachedSavingPercent, baseline, winnerJudged } = report;
  const cost = (usd: number | null | undefined) => (usd === null || usd === undefined ? 'unknown' : usdText(usd));
  return keyFigure({
    name: 'Cost of 1,000 requests',
    value: savingPercent === null ? (winnerJudged ? 'not compared' : 'no winner') : shortSaving(savingPercent),
    lines: [
      winnerJudged ? `winner ${cost(winnerJudged.costPer1kUsd)}` : null,
      `baseline ${cost(baseline.costPer1kUsd)}`,
      baseline.cachedCostPer1kUsd === null
        ? null
        : `baseline with a cached prefix ${cost(baseline.cachedCostPer1kUsd)}` +
          (cachedSavingPercent === null ? '' : `: ${savingText(cachedSavingPercent)}`),
    ],
  });
}

/** The figure large, the words small. */
function shortSaving(percent: number): Markup {
  const [, figure = '', words = ''] = /^(.*%) (.*)$/.exec(savingText(percent)) ?? [];
  return html`${figure.replace('over ', '> ')} <small>${words}</small>`;
}

function latencyFigure({ baseline, winnerJudged }: Report): Markup {
  const value = winnerJudged?.p95Ms ?? null;
  return keyFigure({
    name: 'Latency, p95',
    value: value === null ? (winnerJudged ? 'unknown' : 'no winner') : millisecondsText(value),
    lines: [
      winnerJudged && latencyLine('winner', winnerJudged),
      latencyLine('baseline', baseline),
      `measured on ${countText(winnerJudged?.timed ?? baseline.timed)} rows`,
    ],
  });
}

function latencyLine(name: string, { p50Ms, p95Ms, p95Interval }: Judged): string {
  if (p95Ms === null) return `${name} unknown`;
  const ends = p95Interval && [p95Interval.low, p95Interval.high].map((ms) => millisecondsText(ms).replace(' ms', ''));
  const half = p50Ms === null ? '' : `, p50 ${millisecondsText(p50Ms)}`;
  return `${name} ${millisecondsText(p95Ms)}${ends ? ` [${ends.join(', ')}]` : ''}${half}`;
}
