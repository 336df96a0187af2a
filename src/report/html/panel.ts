import type { Box } from './label-placement.ts';
import type { Mark } from './mark.ts';

/** A scatter plot of quality against one figure. */
export interface Panel extends Box {
  marks: readonly Mark[];
  figureOf(mark: Mark): number | null;
  tickText(value: number): string;
  title: string;
  /** Whether candidates are named too, and the quality has a title. */
  names: boolean;
}
