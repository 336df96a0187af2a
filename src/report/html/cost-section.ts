import type { Judged } from '../../core/run/run-result.ts';
import { millisecondsText, percentText, savingText, scoreText, usdText } from '../../core/text/format.ts';
import type { Report } from '../report.ts';
import { dataTable, type TableRow } from './data-table.ts';
import { html, type Markup, type Value } from './markup.ts';
import { countText, DASH, orDash } from './section.ts';

/** The cost of a request before and after, when the change pays, and the cost of the run. */
export function costSection(report: Report): Markup {
  return html`${beforeAndAfter(report)}
${payback(report)}
${spent(report)}`;
}

function beforeAndAfter({ baseline, champion, alternatives, winner, winnerJudged, metric, judgedOn }: Report): Markup {
  const scorers = [...new Set([baseline, winnerJudged].flatMap((judged) => Object.keys(judged?.scores ?? {})))].slice(
    0,
    4,
  );
  return dataTable({
    caption: `Before and after, on the ${judgedOn} rows`,
    cards: true,
    columns: [
      { name: 'what answers' },
      { name: metric },
      ...scorers.map((name) => ({ name, numeric: true })),
      { name: 'USD per 1,000', numeric: true },
      { name: 'cached prefix', numeric: true },
      { name: 'p50', numeric: true },
      { name: 'p95', numeric: true },
      { name: 'invalid', numeric: true },
    ],
    rows: [
      judgedRow(`baseline, ${baseline.kind}, whole prompt`, baseline.model ?? 'unknown model', baseline, scorers),
      ...alternatives.map(({ model, judged, failure, constrained }) =>
        judgedRow(
          failure === null
            ? `alternative, whole prompt${constrained ? ', held to the form' : ''}`
            : `could not be measured: ${failure}`,
          model,
          judged,
          scorers,
        ),
      ),
      ...(champion ? [judgedRow('champion, inputs only', champion.model, champion.judged, scorers)] : []),
      ...(winnerJudged
        ? [{ kind: 'winner' as const, ...judgedRow('winner, inputs only', winner ?? '', winnerJudged, scorers) }]
        : []),
    ],
  });
}

function judgedRow(role: string, model: string, judged: Judged | null, scorers: readonly string[]): TableRow {
  const figure = (of: (judged: Judged) => number | null, text: (value: number) => string): Value =>
    orDash(judged && of(judged), text);
  const score = judged?.score ?? null;
  return {
    cells: [
      html`${model}<br><small>${role}</small>`,
      score === null
        ? DASH
        : html`${scoreText(score, judged?.scoreInterval ?? null)}<br><small>${countText(judged?.n ?? 0)} rows</small>`,
      ...scorers.map((name) => figure(({ scores }) => scores[name] ?? null, percentText)),
      figure(({ costPer1kUsd }) => costPer1kUsd, usdText),
      figure(({ cachedCostPer1kUsd }) => cachedCostPer1kUsd, usdText),
      figure(({ p50Ms }) => p50Ms, millisecondsText),
      figure(({ p95Ms }) => p95Ms, millisecondsText),
      figure(({ invalid }) => invalid, percentText),
    ],
  };
}

function payback(report: Report): Markup | null {
  const { winnerJudged, savingPercent, cachedSavingPercent, breakEvenRequests, breakEvenCachedRequests } = report;
  if (!winnerJudged) return null;
  if (report.hourlyCost !== undefined) return html`<p>${report.hourlyCost}</p>`;
  const row = (against: string, saving: number | null, requests: number | null): TableRow => ({
    cells: [
      against,
      saving === null ? 'not comparable' : savingText(saving),
      requests === null ? 'never, as far as is known' : `after ${countText(Math.ceil(requests))} requests`,
    ],
  });
  return dataTable({
    caption: 'When the winner pays for this run',
    columns: [{ name: 'against' }, { name: 'a request is' }, { name: 'the run is paid for' }],
    rows: [
      row('the baseline as it is billed', savingPercent, breakEvenRequests),
      row('the baseline with a cached prefix', cachedSavingPercent, breakEvenCachedRequests),
    ],
  });
}

function spent({ spent: { usd, trainingUsd, evaluationUsd, epochs }, estimate, prices }: Report): Markup {
  return html`<p>Finding this out has cost <strong>${usdText(usd)}</strong>: ${usdText(trainingUsd)} for training and
${usdText(evaluationUsd)} for evaluation. ${countText(epochs.trained)} of ${countText(epochs.planned)} planned epochs were trained.
${estimate}.</p>
<p class="note">Prices of ${prices.date}: ${prices.source}.</p>`;
}
