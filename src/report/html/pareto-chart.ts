import { millisecondsText, usdText } from '../../core/text/format.ts';
import type { Report } from '../report.ts';
import { chart, type Drawing, isWide } from './chart.ts';
import { hasPlace, KINDS, type Mark, type MarkKind, marksOf, markText } from './mark.ts';
import { markShape } from './mark-shape.ts';
import { html, type Markup, type Value } from './markup.ts';
import type { Panel } from './panel.ts';
import { panelDrawing } from './pareto-panel.ts';
import { linearScale, type Scale } from './scale.ts';

/** Quality against cost, and beside it quality against latency, of everything that was measured; null where nothing was. */
export function paretoChart(report: Report): Markup | null {
  const marks = marksOf(report);
  if (marks.every(({ score }) => score === null)) return null;
  const title = `Quality (${report.metric}) against cost and latency`;
  const description = marks.slice(0, 40).map(markText).join('; ');
  return html`<figure>${chart('pareto', title, description, (width) => draw(marks, report.metric, width))}
<figcaption>${legend(marks, report)}</figcaption></figure>`;
}

function draw(marks: readonly Mark[], metric: string, width: number): Drawing {
  const wide = isWide(width);
  const [left, top, height] = wide ? [52, 30, 380] : [44, 30, 330];
  const panels: Panel[] = [
    {
      marks,
      x: left,
      y: top,
      width: wide ? 560 : width - left - 8,
      height,
      figureOf: ({ costPer1kUsd }) => costPer1kUsd,
      tickText: (usd) => (usd === 0 ? '$0' : usdText(usd).replace(/\.?0+$/, '')),
      title: 'USD per 1,000 requests',
      names: true,
    },
    {
      marks: marks.filter(({ kind, p95Ms }) => kind !== 'cached' && p95Ms !== null),
      x: wide ? left + 560 + 48 : left,
      y: wide ? top : top + height + 82,
      width: wide ? width - left - 560 - 48 - 8 : width - left - 8,
      height: wide ? height : 220,
      figureOf: ({ p95Ms }) => p95Ms,
      tickText: (ms) => millisecondsText(ms).replace('.0 ms', ' ms'),
      title: 'p95 latency',
      names: false,
    },
  ];
  const shown = panels.filter((panel) => panel.names || panel.marks.length > 0);
  const bottom = Math.max(...shown.map(({ y, height: tall }) => y + tall)) + 46;
  return {
    width,
    height: bottom,
    content: shown.map((panel) => panelDrawing(panel, qualityScale(marks, panel), metric)),
  };
}

/** Both panels have the same values, so that heights can be compared. */
function qualityScale(marks: readonly Mark[], { y, height }: Panel): Scale {
  const ends = marks.flatMap(({ score, interval }) =>
    score === null ? [] : [score, interval?.low ?? score, interval?.high ?? score],
  );
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = Math.max(0.01, (high - low) * 0.08);
  return linearScale([Math.max(0, low - room), Math.min(1.01, high + room)], [y + height, y], 6);
}

function legend(marks: readonly Mark[], { judgedOn, dataset, winnerJudged, baseline }: Report): Value {
  const shown = new Set(marks.filter(hasPlace).map(({ kind }) => kind));
  const kinds: MarkKind[] = ['winner', 'baseline', 'alternative', 'cached', 'chosen', 'candidate', 'checkpoint'];
  const front = marks.filter(({ onFront }) => onFront).length > 1;
  const items: { key: Markup; text: string }[] = [
    ...kinds.filter((kind) => shown.has(kind)).map((kind) => ({ key: markShape(kind, 9, 9), text: KINDS[kind] })),
    ...(front ? [{ key: FRONT_KEY, text: 'front: no candidate is better and cheaper' }] : []),
  ];
  const flattery =
    winnerJudged && judgedOn === 'test'
      ? ' The line between both marks of the winner is how far the choice flattered it.'
      : '';
  return html`<ul class="legend">${items.map(
    ({ key, text }) =>
      html`<li><svg class="key" aria-hidden="true" viewBox="0 0 18 18" width="18" height="18">${key}</svg>${text}</li>`,
  )}</ul>
<p>Large filled marks: on ${winnerJudged?.n ?? baseline.n} ${judgedOn} rows; round ones and hollow diamonds: on the ${dataset.validation} validation
rows that choose.${flattery} Bars are 95 % intervals. Up and to the left is better.</p>`;
}

const FRONT_KEY = html`<path class="front" d="M1 15V6H17"/>`;
