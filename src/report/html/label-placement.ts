/** A rectangle; `x` and `y` are its upper left corner. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A label that wants to stand beside a point. */
export interface WantedLabel {
  x: number;
  y: number;
  width: number;
  height: number;
  /** Whether it may stand far away from its point, joined by a line; else it is left out where there is no place. */
  essential: boolean;
}

/** How far from the point labels are tried, in the units of the drawing. */
const NEAR = [9, 13, 18];
const FAR = [26, 36, 48, 62, 78, 96, 116, 140, 170, 205, 245, 290];
/** Beyond this a label needs a line to its point. */
export const LEADER_FROM = 12;

/** Right of the point first, because labels are read from there. */
const DIRECTIONS: readonly (readonly [x: number, y: number])[] = [
  [1, 0],
  [-1, 0],
  [0.7, -0.7],
  [0.7, 0.7],
  [-0.7, -0.7],
  [-0.7, 0.7],
  [0, -1],
  [0, 1],
];

/**
 * Finds places for labels beside their points, so that none lies on another, on an obstacle, or out of bounds. The first label has the
 * first choice. Null for a label without a place.
 */
export function placeLabels(wanted: readonly WantedLabel[], obstacles: readonly Box[], bounds: Box): (Box | null)[] {
  const taken = [...obstacles];
  return wanted.map((label) => {
    const place = candidatePlaces(label).find(
      (box) => isWithin(box, bounds) && !taken.some((other) => overlaps(box, other)),
    );
    if (place) taken.push(place);
    return place ?? null;
  });
}

function candidatePlaces({ x, y, width, height, essential }: WantedLabel): Box[] {
  return (essential ? [...NEAR, ...FAR] : NEAR).flatMap((distance) =>
    DIRECTIONS.map(([right, down]) => ({
      x: x + right * distance + (right > 0 ? 0 : right < 0 ? -width : -width / 2),
      y: y + down * distance - height / 2 + Math.sign(down) * (height / 2),
      width,
      height,
    })),
  );
}

export function overlaps(one: Box, other: Box): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}

function isWithin(box: Box, bounds: Box): boolean {
  return (
    box.x >= bounds.x &&
    box.y >= bounds.y &&
    box.x + box.width <= bounds.x + bounds.width &&
    box.y + box.height <= bounds.y + bounds.height
  );
}
