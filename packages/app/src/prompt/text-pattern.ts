/**
 * The common part of texts: constant texts with a slot between each two of them. A single literal is a text without slots. Between two
 * slots there is always some text, so only the first and the last literal may be empty.
 */
export interface TextPattern {
  readonly literals: readonly string[];
  /** Index of the slot that holds examples, as many as a request was given: the text after it is found from the end. */
  readonly fewShots?: number;
}

/**
 * The contents of the slots of a text. Undefined if the text does not follow the pattern, and if there are two ways to follow it, because
 * it is unknown which one is right.
 */
export function valuesIn({ literals, fewShots }: TextPattern, text: string): string[] | undefined {
  const [first = '', second] = literals;
  if (second === undefined) return text === first ? [] : undefined;
  const last = literals[literals.length - 1] ?? '';
  const end = text.length - last.length;
  // Comparing pieces is several times faster than startsWith, where a text has signs beyond Latin-1.
  if (end < first.length || text.slice(0, first.length) !== first || text.slice(end) !== last) return undefined;
  if (literals.length === 2) return [text.slice(first.length, end)];
  const left = placesFromStart(literals, text, fewShots ?? literals.length - 2, first.length, end);
  if (!left) return undefined;
  const right = placesFromEnd(literals, text, (fewShots ?? 0) + 1, left, end);
  return right && valuesBetween(literals, text, right, end);
}

export function fits(pattern: TextPattern, text: string): boolean {
  return valuesIn(pattern, text) !== undefined;
}

/** Code units that are constant. */
export function lengthOf({ literals }: TextPattern): number {
  return literals.reduce((sum, literal) => sum + literal.length, 0);
}

/** The first places of the literals up to one of them, at their indices; the place of the first literal is its end. */
function placesFromStart(
  literals: readonly string[],
  text: string,
  last: number,
  start: number,
  end: number,
): number[] | undefined {
  const places = [start];
  let from = start;
  for (let index = 1; index <= last; index += 1) {
    const literal = literals[index] ?? '';
    const place = text.indexOf(literal, from);
    if (place === -1 || place + literal.length > end) return undefined;
    places.push(place);
    from = place + literal.length;
  }
  return places;
}

/**
 * Adds the last places of the literals from one of them on. If the place of one is known from the start, both must be the same; otherwise
 * it could stand in either.
 */
function placesFromEnd(
  literals: readonly string[],
  text: string,
  first: number,
  places: number[],
  end: number,
): number[] | undefined {
  const known = places.length - 1;
  const from = (places[known] ?? 0) + (known === 0 ? 0 : (literals[known]?.length ?? 0));
  let to = end;
  for (let index = literals.length - 2; index >= first; index -= 1) {
    const literal = literals[index] ?? '';
    const place = to < literal.length ? -1 : text.lastIndexOf(literal, to - literal.length);
    if (index <= known ? place !== places[index] : place < from) return undefined;
    places[index] = place;
    to = place;
  }
  return places;
}

function valuesBetween(literals: readonly string[], text: string, places: readonly number[], end: number): string[] {
  const values: string[] = [];
  let from = places[0] ?? 0;
  for (let index = 1; index < literals.length - 1; index += 1) {
    const place = places[index] ?? 0;
    values.push(text.slice(from, place));
    from = place + (literals[index]?.length ?? 0);
  }
  values.push(text.slice(from, end));
  return values;
}
