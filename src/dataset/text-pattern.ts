/**
 * What texts have in common: constant texts with a slot between each two of them. A single literal is a text without
 * slots. Between two slots there is always something, so only the first and the last literal may be empty.
 */
export interface TextPattern {
  readonly literals: readonly string[];
  /** Index of the slot that holds examples, as many as a request was given: what comes after it is found from the end. */
  readonly fewShots?: number;
}

/**
 * What stands in the slots of a text. Undefined if the text does not follow the pattern, and where there are two ways to
 * follow it: then nobody knows which of them is right. Takes time in proportion to the text.
 */
export function valuesIn(pattern: TextPattern, text: string): string[] | undefined {
  const { literals } = pattern;
  const [first = '', second] = literals;
  if (second === undefined) return text === first ? [] : undefined;
  const last = literals[literals.length - 1] ?? '';
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return undefined;
  if (literals.length === 2) return [text.slice(first.length, text.length - last.length)];
  const places = placesIn(pattern, text, first.length, text.length - last.length);
  if (!places) return undefined;
  places.push(text.length - last.length);
  let from = first.length;
  return places.map((place, slot) => {
    const value = text.slice(from, place);
    from = place + (literals[slot + 1]?.length ?? 0);
    return value;
  });
}

export function fits(pattern: TextPattern, text: string): boolean {
  return valuesIn(pattern, text) !== undefined;
}

/** Code units that are constant. */
export function lengthOf({ literals }: TextPattern): number {
  return literals.reduce((sum, literal) => sum + literal.length, 0);
}

/** Where the literals between the slots stand. */
function placesIn(pattern: TextPattern, text: string, from: number, to: number): number[] | undefined {
  const inner = pattern.literals.slice(1, -1);
  const shots = pattern.fewShots;
  if (shots !== undefined) {
    const left = firstPlaces(inner.slice(0, shots), text, from, to);
    const right = left && lastPlaces(inner.slice(shots), text, endOf(left, inner, from), to);
    return left && right && [...left, ...right];
  }
  const left = firstPlaces(inner, text, from, to);
  const right = left && lastPlaces(inner, text, from, to);
  return left?.every((place, index) => place === right?.[index]) ? left : undefined;
}

function endOf(places: readonly number[], literals: readonly string[], from: number): number {
  const last = places.length - 1;
  return last < 0 ? from : (places[last] ?? 0) + (literals[last]?.length ?? 0);
}

function firstPlaces(literals: readonly string[], text: string, from: number, to: number): number[] | undefined {
  const places: number[] = [];
  let start = from;
  for (const literal of literals) {
    const place = text.indexOf(literal, start);
    if (place === -1 || place + literal.length > to) return undefined;
    places.push(place);
    start = place + literal.length;
  }
  return places;
}

function lastPlaces(literals: readonly string[], text: string, from: number, to: number): number[] | undefined {
  const places: number[] = [];
  let end = to;
  for (const literal of literals.toReversed()) {
    const place = end < literal.length ? -1 : text.lastIndexOf(literal, end - literal.length);
    if (place < from) return undefined;
    places.push(place);
    end = place;
  }
  return places.toReversed();
}
