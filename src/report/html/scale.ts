/** Places values on an axis. */
export interface Scale {
  kind: 'linear' | 'log';
  /** The place of a value, in the units of the drawing. */
  at(value: number): number;
  /** Round values that are worth a label, ascending. */
  ticks: number[];
  /** Its ends, in the units of the drawing. */
  places: Span;
}

/** Both ends of something, the lower first where they are values. */
export type Span = readonly [from: number, to: number];

export function linearScale(values: Span, places: Span, mostTicks: number): Scale {
  const [low, high] = values;
  const width = high - low || 1;
  return {
    kind: 'linear',
    at: (value) => places[0] + ((value - low) / width) * (places[1] - places[0]),
    ticks: niceTicks(low, high, mostTicks),
    places,
  };
}

/** @param values above 0. */
export function logScale(values: Span, places: Span, mostTicks: number): Scale {
  const { at } = linearScale([Math.log(values[0]), Math.log(values[1])], places, 2);
  return { kind: 'log', at: (value) => at(Math.log(value)), ticks: logTicks(values[0], values[1], mostTicks), places };
}

/** Multiples of 1, 2 or 5 times a power of ten between two values, both included; at most this many, or one if there is none. */
export function niceTicks(low: number, high: number, most: number): number[] {
  if (!(high > low)) return [low];
  const least = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(least));
  for (const step of [1, 2, 5, 10, 20, 50].map((factor) => factor * power)) {
    // The tolerance keeps 0.3 / 0.1 = 2.9999999999999996 a whole number.
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    if (last - first + 1 > most) continue;
    return last < first ? [low] : multiples(first, last, step);
  }
  return [low];
}

/** Each tick is computed from its own factor: adding up would gather rounding errors. */
function multiples(first: number, last: number, step: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** Powers of ten between two values, every second or third where there are many; 2 and 5 times them where there are few. */
export function logTicks(low: number, high: number, most: number): number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const powers = Math.max(0, last - first + 1);
  if (powers > most) {
    const stride = Math.ceil(powers / most);
    return multiples(0, Math.floor((last - first) / stride), 1).map((index) => power(first + index * stride));
  }
  const fine = multiples(first - 1, last, 1).flatMap((exponent) => [1, 2, 5].map((factor) => factor * power(exponent)));
  const inside = fine.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
  if (inside.length > 0 && inside.length <= most) return inside;
  return powers > 0 ? multiples(first, last, 1).map(power) : niceTicks(low, high, most);
}

/** By its decimal notation: 10 ** -6 is 0.0000010000000000000002 on some machines. */
function power(exponent: number): number {
  return Number(`1e${exponent}`);
}
