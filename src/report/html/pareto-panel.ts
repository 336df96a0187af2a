import { percentText } from '../../core/text/format.ts';
import { cutName, polyline, textWidth } from './chart.ts';
import { type FigureAxis, figureAxis, placeOn } from './figure-axis.ts';
import { type Box, LEADER_FROM, placeLabels, type WantedLabel } from './label-placement.ts';
import { hasPlace, type Mark, markText } from './mark.ts';
import { markShape } from './mark-shape.ts';
import { html, type Markup, type Value } from './markup.ts';
import type { Panel } from './panel.ts';
import type { Scale } from './scale.ts';

/** A mark that has found its place. */
interface Placed {
  mark: Mark;
  x: number;
  y: number;
}

const FONT = 12;
const LINE = 16;
/** Up to this many candidates, all are named, where there is room. */
const MOST_NAMED = 14;
/** Up to this many marks have their intervals drawn; of more, only judged ones and the front. */
const MOST_INTERVALS = 14;

export function panelDrawing(panel: Panel, quality: Scale, metric: string): Markup {
  const axis = figureAxis(panel);
  const all = panel.marks.flatMap((mark) => {
    const x = placeOn(axis, panel.figureOf(mark));
    return x === null || !hasPlace(mark) ? [] : [{ mark, x, score: mark.score }];
  });
  const placed = all.flatMap(({ mark, x, score }): Placed[] =>
    score === null ? [] : [{ mark, x, y: quality.at(score) }],
  );
  const lines = all.filter(({ mark, score }) => score === null && (mark.kind === 'baseline' || mark.kind === 'cached'));
  const contenders = placed.filter(({ mark }) => isContender(mark)).length;
  return html`<g>${grid(panel, axis, quality, metric)}
${unknownQuality(panel, lines)}
${panel.names ? frontLine(panel, placed) : null}
${placed.map((each) => connection(each, placed))}
${placed.map((each) => intervalBar(each, quality, contenders))}
${placed.toReversed().map(({ mark, x, y }) => html`<g><title>${markText(mark)}</title>${markShape(mark.kind, x, y)}</g>`)}
${labels(panel, placed, quality, contenders)}</g>`;
}

function isContender({ kind }: Mark): boolean {
  return kind === 'candidate' || kind === 'checkpoint' || kind === 'chosen';
}

function grid(panel: Panel, { scale, zero, unknown }: FigureAxis, quality: Scale, metric: string): Value {
  const { x, y, width, height, tickText, title, names } = panel;
  const bottom = y + height;
  const ticks = [
    ...(zero === null ? [] : [{ place: zero, text: '$0' }]),
    ...(scale?.ticks ?? []).map((value) => ({ place: scale?.at(value) ?? x, text: tickText(value) })),
    ...(unknown === null ? [] : [{ place: unknown, text: 'unknown' }]),
  ];
  return html`${quality.ticks
    .filter((value) => value <= 1)
    .map(
      (value) =>
        html`<line class="grid" x1="${x}" x2="${x + width}" y1="${quality.at(value)}" y2="${quality.at(value)}"/><text class="tick end" x="${x - 8}" y="${quality.at(value) + 4}">${percentText(value).replace('.0 %', ' %')}</text>`,
    )}<line class="axis" x1="${x}" x2="${x + width}" y1="${bottom}" y2="${bottom}"/>${ticks.map(
    ({ place, text }) =>
      html`<line class="axis" x1="${place}" x2="${place}" y1="${bottom}" y2="${bottom + 4}"/><text class="tick middle" x="${place}" y="${bottom + 18}">${text}</text>`,
  )}<text class="title middle" x="${x + width / 2}" y="${bottom + 38}">${title}${scale?.kind === 'log' ? ', log scale' : ''}</text>
<text class="title" x="${names ? Math.max(0, x - 48) : x}" y="${y - 14}">${names ? cutName(metric, 30) : 'the same against p95 latency'}</text>`;
}

/** A baseline whose cost is known and whose quality is not: a line at its cost, and one where its prefix is cached. */
function unknownQuality(
  { y, height, x: from, width, names }: Panel,
  lines: readonly { mark: Mark; x: number }[],
): Value {
  const places = lines.map(({ x }) => x);
  const left = Math.max(...places) > from + width / 2;
  const x = left ? Math.min(...places) - 7 : Math.max(...places) + 7;
  return lines.map(({ mark: { kind, name }, x: place }, index) => {
    const text =
      kind === 'baseline' ? `baseline ${names ? cutName(name, 18) : ''}, quality unknown` : 'also with a cached prefix';
    return html`<line class="bound" x1="${place}" x2="${place}" y1="${y}" y2="${y + height}"/><text class="label ${left ? 'end' : ''}" x="${x}" y="${y + 14 + index * LINE}">${text}</text>`;
  });
}

/** The best quality up to each cost, in steps. */
function frontLine({ figureOf }: Panel, placed: readonly Placed[]): Markup | null {
  const front = placed
    .filter(({ mark }) => isContender(mark) && mark.onFront && figureOf(mark) !== null)
    .toSorted((a, b) => a.x - b.x || a.y - b.y);
  let best = Number.POSITIVE_INFINITY;
  const steps = front.filter(({ y }) => {
    const rises = y < best;
    best = Math.min(best, y);
    return rises;
  });
  if (steps.length < 2) return null;
  const corners = steps.flatMap(({ x, y }, index): [number, number][] => {
    const before = steps[index - 1];
    return before
      ? [
          [x, before.y],
          [x, y],
        ]
      : [[x, y]];
  });
  return polyline(corners, 'front');
}

/** From a model to itself under other conditions: the winner on other rows, a prompt with its prefix cached. */
function connection({ mark, x, y }: Placed, placed: readonly Placed[]): Markup | null {
  const other = placed.find(
    ({ mark: { kind, name } }) =>
      (mark.kind === 'chosen' && kind === 'winner') ||
      (mark.kind === 'cached' && (kind === 'baseline' || kind === 'alternative') && name === mark.name),
  );
  return other ? html`<line class="same" x1="${x}" y1="${y}" x2="${other.x}" y2="${other.y}"/>` : null;
}

function intervalBar({ mark, x }: Placed, quality: Scale, contenders: number): Markup | null {
  const { interval, kind, onFront } = mark;
  if (!interval || kind === 'checkpoint' || (kind === 'candidate' && contenders > MOST_INTERVALS && !onFront))
    return null;
  return html`<line class="interval ${kind}" x1="${x}" x2="${x}" y1="${quality.at(interval.low)}" y2="${quality.at(interval.high)}"/>`;
}

function labels(panel: Panel, placed: readonly Placed[], quality: Scale, contenders: number): Value {
  const named = placed.flatMap(({ mark, x, y }) => {
    const text = labelText(panel, mark, contenders);
    if (text === null) return [];
    const essential = panel.names && (!isContender(mark) || mark.onFront);
    const wanted: WantedLabel = { x, y, width: textWidth(text, FONT), height: LINE, essential };
    return [{ wanted, text, kind: mark.kind }];
  });
  const obstacles = placed.flatMap(({ mark, x, y }) => {
    const radius = isContender(mark) ? 5 : 8;
    const shape = { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius };
    const { interval } = mark;
    if (!interval || isContender(mark)) return [shape];
    const top = quality.at(interval.high);
    return [shape, { x: x - 2, y: top, width: 4, height: quality.at(interval.low) - top }];
  });
  const places = placeLabels(
    named.map(({ wanted }) => wanted),
    obstacles,
    panel,
  );
  return named.map(({ wanted, text, kind }, index) => {
    const box = places[index];
    if (!box) return null;
    return html`${leader(wanted, box)}<text class="label ${kind}" x="${box.x}" y="${box.y + 12}">${text}</text>`;
  });
}

function labelText({ names, width }: Panel, { kind, name, onFront }: Mark, contenders: number): string | null {
  const short = cutName(name, width > 400 ? 30 : 20);
  switch (kind) {
    case 'winner':
    case 'baseline':
      return names ? `${kind} ${short}` : kind;
    case 'alternative':
      return short;
    case 'cached':
      return 'cached';
    case 'chosen':
      return null;
    case 'candidate':
    case 'checkpoint':
      return names && (onFront || (kind === 'candidate' && contenders <= MOST_NAMED)) ? short : null;
  }
}

/** From the point to the nearest edge of a label that is far away from it. */
function leader({ x, y }: WantedLabel, box: Box): Markup | null {
  const nearX = Math.max(box.x, Math.min(x, box.x + box.width));
  const nearY = Math.max(box.y, Math.min(y, box.y + box.height));
  if (Math.hypot(nearX - x, nearY - y) <= LEADER_FROM) return null;
  return html`<line class="leader" x1="${x}" y1="${y}" x2="${nearX}" y2="${nearY}"/>`;
}
