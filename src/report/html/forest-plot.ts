import type { Comparison, Verdict } from '../../core/evaluation/comparison.ts';
import { pValueText, signedPoints } from '../../core/text/format.ts';
import { rowsNeededText } from '../markdown-report.ts';
import type { Report } from '../report.ts';
import { chart, cutName, type Drawing, isWide } from './chart.ts';
import { dataTable } from './data-table.ts';
import { html, type Markup } from './markup.ts';
import { linearScale, type Scale } from './scale.ts';

interface Paired {
  against: string;
  comparison: Comparison;
}

/** Forms tell verdicts apart where colours do not. */
export const VERDICT_SIGNS: Record<Verdict, string> = {
  better: '▲ better',
  'non-inferior': '≈ non-inferior',
  worse: '▼ worse',
  inconclusive: '? inconclusive',
};

/** The winner against the baseline and each alternative, on the same rows; null where nothing was compared. */
export function forestPlot(report: Report): Markup | null {
  const pairs = pairsOf(report);
  if (pairs.length === 0) return null;
  const title = 'Paired differences between the winner and what it could replace';
  const description = pairs.map(({ against, comparison }) => `${against}: ${pairText(comparison)}`).join('; ');
  return html`<figure>${chart('forest', title, description, (width) => draw(pairs, width))}
<figcaption>Differences in points of ${report.metric} on the same ${report.judgedOn} rows, with their 95 % intervals. Right of 0 the
winner is ahead; left of the dashed line it is behind by more than the margin.</figcaption></figure>
${figuresTable(pairs)}`;
}

function pairsOf({ baseline, comparison, champion, alternatives }: Report): Paired[] {
  const first = comparison ? [{ against: `baseline ${baseline.model ?? ''}`, comparison }] : [];
  return [
    ...first,
    ...(champion?.comparison ? [{ against: `champion ${champion.model}`, comparison: champion.comparison }] : []),
    ...alternatives.flatMap((each) => (each.comparison ? [{ against: each.model, comparison: each.comparison }] : [])),
  ];
}

function rangeText({ difference, interval }: Comparison): string {
  return `${signedPoints(difference)} [${signedPoints(interval.low)}, ${signedPoints(interval.high)}]`;
}

function pairText(comparison: Comparison): string {
  return `${comparison.verdict}, ${rangeText(comparison)} points on ${comparison.n} rows`;
}

function draw(pairs: readonly Paired[], width: number): Drawing {
  const wide = isWide(width);
  const row = wide ? 44 : 62;
  const [from, to] = wide ? [250, width - 310] : [14, width - 14];
  const top = 26;
  const bottom = top + pairs.length * row;
  const scale = pointsScale(pairs, from, to);
  const margins = [...new Set(pairs.map(({ comparison }) => comparison.margin))];
  const zero = scale.at(0);
  const marginPlace = scale.at(-(margins[0] ?? 0));
  return {
    width,
    height: bottom + 40,
    content: html`${margins.map(
      (margin) =>
        html`<rect class="beyond" x="${from}" y="${top}" width="${Math.max(0, scale.at(-margin) - from)}" height="${bottom - top}"/><line class="margin" x1="${scale.at(-margin)}" x2="${scale.at(-margin)}" y1="${top}" y2="${bottom}"/>`,
    )}<line class="zero" x1="${zero}" x2="${zero}" y1="${top}" y2="${bottom}"/>
${marginPlace < from + 36 && !wide ? null : html`<text class="tick end" x="${marginPlace - 6}" y="${top - 9}">margin</text>`}<text class="tick" x="${zero + 8}" y="${top - 9}">winner ahead</text>
${pairs.map((pair, index) => pairRow(pair, scale, top + index * row, wide, width))}
<line class="axis" x1="${from}" x2="${to}" y1="${bottom}" y2="${bottom}"/>${scale.ticks.map(
      (value) =>
        html`<line class="axis" x1="${scale.at(value)}" x2="${scale.at(value)}" y1="${bottom}" y2="${bottom + 4}"/><text class="tick middle" x="${scale.at(value)}" y="${bottom + 18}">${signedPoints(value).replace('.0', '')}</text>`,
    )}<text class="title middle" x="${(from + to) / 2}" y="${bottom + 35}">points</text>`,
  };
}

function pointsScale(pairs: readonly Paired[], from: number, to: number): Scale {
  const ends = pairs.flatMap(({ comparison: { interval, margin } }) => [interval.low, interval.high, -margin, 0]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = Math.max(0.01, (high - low) * 0.06);
  return linearScale([low - room, high + room], [from, to], to - from > 400 ? 9 : 6);
}

function pairRow({ against, comparison }: Paired, scale: Scale, y: number, wide: boolean, width: number): Markup {
  const { difference, interval, verdict } = comparison;
  const middle = y + (wide ? 22 : 34);
  const text = y + (wide ? 26 : 17);
  const range = html`<text class="label figures ${wide ? '' : 'end'}" x="${wide ? width - 290 : width}" y="${text}">${rangeText(comparison)}</text>`;
  const said = wide
    ? html`<text class="label ${verdict}" x="${width - 120}" y="${text}">${VERDICT_SIGNS[verdict]}</text>`
    : html`<text class="label ${verdict}" x="0" y="${y + 55}">${VERDICT_SIGNS[verdict]}</text>`;
  return html`<text class="label" x="0" y="${text}">${cutName(against, wide ? 34 : 24)}</text>${range}${said}
<line class="difference ${verdict}" x1="${scale.at(interval.low)}" x2="${scale.at(interval.high)}" y1="${middle}" y2="${middle}"/>
<circle class="difference ${verdict}" cx="${scale.at(difference)}" cy="${middle}" r="6"/>`;
}

function figuresTable(pairs: readonly Paired[]): Markup {
  return dataTable({
    caption: 'The winner against each',
    cards: true,
    columns: [
      { name: 'against' },
      { name: 'difference', numeric: true },
      { name: '95 % interval', numeric: true },
      { name: 'rows', numeric: true },
      { name: 'gained', numeric: true },
      { name: 'lost', numeric: true },
      { name: 'p', numeric: true },
      { name: 'verdict' },
      { name: 'rows to settle it' },
    ],
    rows: pairs.map(({ against, comparison }) => ({
      cells: [
        against,
        signedPoints(comparison.difference),
        `${signedPoints(comparison.interval.low)} to ${signedPoints(comparison.interval.high)}`,
        comparison.n,
        comparison.gained,
        comparison.lost,
        `${pValueText(comparison.pValue)} (${comparison.test === 'mcnemar' ? 'McNemar' : 'sign flip'})`,
        VERDICT_SIGNS[comparison.verdict],
        comparison.verdict === 'inconclusive' ? rowsNeededText(comparison.rowsNeeded) : 'settled',
      ],
    })),
  });
}
