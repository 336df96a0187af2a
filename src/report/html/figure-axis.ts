import { textWidth } from './chart.ts';
import { hasPlace } from './mark.ts';
import type { Panel } from './panel.ts';
import { linearScale, logScale, type Scale, type Span } from './scale.ts';

/** A mark of an unknown figure stands in a column of its own, as does a zero on a log scale. */
export interface FigureAxis {
  scale: Scale | null;
  zero: number | null;
  unknown: number | null;
}

/** Values that span more than this are on a log scale. */
const LOG_FROM = 20;
const COLUMN = 56;
/** Of the ticks, in pixels. */
const FONT = 12;

/** The axis of one figure of the marks that have a place. */
export function figureAxis(panel: Panel): FigureAxis {
  const values = panel.marks.filter(hasPlace).map((mark) => panel.figureOf(mark));
  const known = values.filter((value) => value !== null);
  const positive = known.filter((value) => value > 0);
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  const isLog = high / low > LOG_FROM;
  const zeros = isLog && positive.length < known.length;
  const unknown = known.length < values.length;
  const room = known.length === 0 ? 0 : COLUMN;
  const places: Span = [panel.x + (zeros ? COLUMN : 0) + 14, panel.x + panel.width - (unknown ? room : 0) - 14];
  return {
    scale: known.length === 0 ? null : scaleOf(isLog ? [low, high] : [0, high], places, panel, isLog),
    zero: zeros ? panel.x + COLUMN / 2 : null,
    unknown: unknown ? panel.x + panel.width - (known.length === 0 ? panel.width / 2 : COLUMN / 2) : null,
  };
}

function scaleOf([low, high]: Span, places: Span, { width, tickText }: Panel, isLog: boolean): Scale {
  if (!isLog) return linearScale([0, high > 0 ? high * 1.04 : 1], places, Math.max(3, Math.floor(width / 70)));
  // Labels of the ends need their room as well.
  const most = Math.floor(width / (Math.max(textWidth(tickText(low), FONT), textWidth(tickText(high), FONT)) + 18));
  const edge = (high / low) ** 0.02;
  return logScale([low / edge, high * edge], places, Math.max(2, most));
}

/** The place of a value on it; null where there is none. */
export function placeOn({ scale, zero, unknown }: FigureAxis, value: number | null): number | null {
  if (value === null) return unknown;
  return value === 0 && zero !== null ? zero : (scale?.at(value) ?? null);
}
