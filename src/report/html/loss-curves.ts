import type { MetricPoint } from '../../core/run/training-metrics.ts';
import { percentText } from '../../core/text/format.ts';
import type { Curve, Report } from '../report.ts';
import { type Drawing, drawing, polyline } from './chart.ts';
import { html, type Markup, type Value } from './markup.ts';
import { linearScale, logScale, type Scale } from './scale.ts';

type Figure = 'accuracy' | 'loss';
type Place = readonly [epoch: number, value: number];

/** One curve, epoch by epoch where the provider measures on all validation rows. */
interface Trace {
  curve: Curve;
  accuracy: Place[];
  loss: Place[];
  trainLoss: Place[];
}

const WIDTH = 320;
const LEFT = 40;
const RIGHT = 48;
const STRIP = 62;
const GAP = 18;
/** At most this many points of a curve are drawn; others are left out evenly. */
const MOST_POINTS = 80;
const LOG_FROM = 20;
/** At most this many panels are shown at once; the others are folded. */
const MOST_OPEN = 12;

/** Small multiples: validation accuracy and loss of each job over its epochs, before those of all others; null without curves. */
export function lossCurves(report: Report): Markup | null {
  const traces = report.curves
    .map(traceOf)
    .filter(({ accuracy, loss, trainLoss }) => accuracy.length + loss.length + trainLoss.length > 0)
    .toSorted((a, b) => endOf(b) - endOf(a));
  if (traces.length === 0) return null;
  const figures: Figure[] = traces.some(({ accuracy }) => accuracy.length > 0) ? ['accuracy', 'loss'] : ['loss'];
  const scales = { epochs: epochScale(traces), accuracy: accuracyScale(traces), loss: lossScale(traces, figures) };
  const panels = traces.map((trace, index) => panel(trace, index, figures, scales, report.winner));
  const folded = panels.slice(MOST_OPEN);
  return html`<svg class="store" aria-hidden="true" width="0" height="0"><defs>${figures.map(
    (figure) =>
      html`<g id="all-${figure}">${traces.map((trace) => polyline(placed(trace[figure], scales, figure), 'ghost'))}</g>`,
  )}</defs></svg>
<div class="panels">${panels.slice(0, MOST_OPEN)}</div>
${folded.length > 0 ? html`<details><summary>${folded.length} more jobs</summary><div class="panels">${folded}</div></details>` : null}
<p class="note">Best first. Bold: on the validation rows, at the end of each epoch${figures.includes('accuracy') ? ', with the last accuracy and loss' : ''}; thin dots: training loss; grey: the
other jobs. A cross marks where a job was stopped, because it was behind.</p>`;
}

/** The jobs that reached most come first. */
function endOf({ accuracy, loss }: Trace): number {
  return accuracy.at(-1)?.[1] ?? -(loss.at(-1)?.[1] ?? Number.MAX_VALUE);
}

function traceOf(curve: Curve): Trace {
  const epochOf = epochsOf(curve);
  const series = (figure: (point: MetricPoint) => number | null) =>
    thinned(
      curve.points.flatMap((point): Place[] => {
        const value = figure(point);
        return value === null || !Number.isFinite(value) ? [] : [[epochOf(point), value]];
      }),
    );
  const full = series(({ fullValidLoss }) => fullValidLoss);
  return {
    curve,
    accuracy: series(({ fullValidAccuracy }) => fullValidAccuracy),
    loss: full.length > 0 ? full : series(({ validLoss }) => validLoss),
    trainLoss: series(({ trainLoss }) => trainLoss),
  };
}

/** The epoch of a step; where the provider does not give the number of steps, the last reported one is the end. */
function epochsOf({ points, plannedEpochs, stoppedAfterEpoch }: Curve): (point: MetricPoint) => number {
  const last = Math.max(1, points.at(-1)?.step ?? 1);
  return ({ step, totalSteps }) =>
    totalSteps === null
      ? (step / last) * (stoppedAfterEpoch ?? plannedEpochs)
      : (step / Math.max(1, totalSteps)) * plannedEpochs;
}

function thinned(places: readonly Place[]): Place[] {
  const stride = Math.ceil(places.length / MOST_POINTS);
  return places.filter((_, index) => index % stride === 0 || index === places.length - 1);
}

interface Scales {
  epochs: Scale;
  accuracy: Scale;
  loss: Scale;
}

function epochScale(traces: readonly Trace[]): Scale {
  const most = Math.max(1, ...traces.map(({ curve }) => curve.plannedEpochs));
  return linearScale([0, most], [LEFT, WIDTH - RIGHT], Math.min(most + 1, 9));
}

function accuracyScale(traces: readonly Trace[]): Scale {
  const values = traces.flatMap(({ accuracy }) => accuracy.map(([, value]) => value));
  const [low, high] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.005, (high - low) * 0.08);
  return linearScale([Math.max(0, low - room), Math.min(1, high + room)], [8 + STRIP, 8], 3);
}

function lossScale(traces: readonly Trace[], figures: readonly Figure[]): Scale {
  const top = 8 + (figures.length - 1) * (STRIP + GAP);
  // Training begins so high that it would press everything else together.
  const series = traces.flatMap(({ loss, trainLoss }) => (loss.length > 0 ? loss : trainLoss));
  const values = series.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (values.length > 0 && low > 0 && high / low > LOG_FROM) return logScale([low, high], [top + STRIP, top], 4);
  const room = Math.max(0.01, (high - low) * 0.12);
  return linearScale([Math.max(Math.min(0, low), low - room), high + room], [top + STRIP, top], 3);
}

function placed(places: readonly Place[], scales: Scales, figure: Figure): Place[] {
  // A loss of 0 has no place on a log scale.
  const possible = scales[figure].kind === 'log' ? places.filter(([, value]) => value > 0) : places;
  return possible.map(([epoch, value]) => [scales.epochs.at(epoch), scales[figure].at(value)]);
}

/** The content of the strip of a scale. */
function within(places: readonly Place[], scale: Scale): Place[] {
  return places.filter(([, y]) => y >= Math.min(...scale.places) && y <= Math.max(...scale.places));
}

function panel(trace: Trace, index: number, figures: readonly Figure[], scales: Scales, winner: string | null): Markup {
  const { curve, accuracy, loss } = trace;
  const { candidate, plannedEpochs, stoppedAfterEpoch } = curve;
  const wins = winner !== null && (winner === candidate || winner.startsWith(`${candidate}@`));
  const state =
    stoppedAfterEpoch === null
      ? `${plannedEpochs} epochs`
      : `stopped after epoch ${stoppedAfterEpoch} of ${plannedEpochs}`;
  const ends = [
    ...accuracy.slice(-1).map(([, value]) => `validation accuracy ${percentText(value)}`),
    ...loss.slice(-1).map(([, value]) => `validation loss ${lossText(value)}`),
  ];
  const title = `Learning curve of ${candidate}`;
  return html`<figure class="panel"><figcaption><strong>${candidate}</strong>${wins ? ' ◆ winner' : ''} <span>${state}</span></figcaption>
${drawing(`curve-${index}`, title, [state, ...ends].join(', '), 'small', draw(trace, figures, scales, wins))}</figure>
`;
}

function draw(trace: Trace, figures: readonly Figure[], scales: Scales, wins: boolean): Drawing {
  const bottom = 8 + figures.length * STRIP + (figures.length - 1) * GAP;
  return {
    width: WIDTH,
    height: bottom + 34,
    content: html`${figures.map((figure) => strip(trace, figure, scales, wins))}
${scales.epochs.ticks.map((epoch) => html`<text class="tick middle" x="${scales.epochs.at(epoch)}" y="${bottom + 16}">${epoch}</text>`)}
<text class="tick end" x="${WIDTH}" y="${bottom + 16}">epochs</text>`,
  };
}

function strip(trace: Trace, figure: Figure, scales: Scales, wins: boolean): Value {
  const scale = scales[figure];
  const text = figure === 'accuracy' ? shareText : lossText;
  const places = placed(trace[figure], scales, figure);
  const end = places.at(-1);
  const last = trace[figure].at(-1)?.[1];
  const kind = wins ? 'wins' : '';
  return html`${scale.ticks.map(
    (value) =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${scale.at(value)}" y2="${scale.at(value)}"/><text class="tick end" x="${LEFT - 5}" y="${scale.at(value) + 4}">${text(value)}</text>`,
  )}<use href="#all-${figure}"/>
${figure === 'loss' ? polyline(within(placed(trace.trainLoss, scales, 'loss'), scales.loss), 'train') : null}
${polyline(places, `trace ${kind}`)}
${places.length <= 12 ? places.map(([x, y]) => html`<circle class="trace ${kind}" cx="${x}" cy="${y}" r="2.5"/>`) : null}
${end && trace.curve.stoppedAfterEpoch !== null ? html`<path class="stop" d="M${end[0] - 5} ${end[1] - 5}l10 10m0 -10l-10 10"/>` : null}
${end && last !== undefined ? html`<text class="label figures ${kind}" x="${end[0] + 8}" y="${end[1] + 4}">${figure === 'accuracy' ? percentText(last) : lossText(last)}</text>` : null}`;
}

const shareText = (share: number) => `${Number((share * 100).toFixed(1))} %`;

function lossText(loss: number): string {
  return loss === 0 ? '0' : Number(loss.toPrecision(2)).toString();
}
