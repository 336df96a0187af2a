/** The sides of a split: one to train on, one that chooses, one that judges once. */
export const SIDES = ['train', 'validation', 'test'] as const;
export type Side = (typeof SIDES)[number];

/** How columns of rows name a side; 0 is none. */
export const SIDE_CODES = { train: 1, validation: 2, test: 3 } as const satisfies Record<Side, number>;
export type SideCode = (typeof SIDE_CODES)[Side];

/** How lines name a side, in the order of the codes. */
export const SIDE_LETTERS = 'tve';

/** An element of a column of sides; anything else counts as 0. */
export function sideCode(side: number | undefined): SideCode | 0 {
  return side === 1 || side === 2 || side === 3 ? side : 0;
}
