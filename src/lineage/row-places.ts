import type { Served } from './model-lineage.ts';

/** What kind of thing holds a row; in the order in which people are told. */
export const PLACE_KINDS = [
  'log',
  'later-answers',
  'test-file',
  'snapshot',
  'snapshot-answers',
  'examples',
  'training-file',
  'prediction',
  'scores',
  'report',
  'labelling',
  'sheet',
  'cached-answer',
  'key',
  'leftover',
] as const;
export type PlaceKind = (typeof PLACE_KINDS)[number];

/** A file that holds a row. */
export interface RowPlace {
  kind: PlaceKind;
  file: string;
  /** What the file is, such as `shop@2 train`; empty where nothing refers to it. */
  of: string[];
  /** Lines that hold it, from 1; the first ones. Empty where a file has no lines that could be named. */
  lines: number[];
  /** How many lines hold it in all. */
  count: number;
}

/** A model that has met a row in training. */
export interface RowModel {
  /** The provider's id; null where the job has made none. */
  model: string | null;
  contender: string;
  run: string;
  /** Null where its run has no report here. */
  jobId: string | null;
  dataset: string;
  /** `trained`: it has learned from the row. `validated`: the row was in the validation file of its job. */
  use: 'trained' | 'validated';
  serves: Served[];
}

/** All that is known to hold a row. */
export interface RowPlaces {
  /** Of the rows that were looked for. */
  ids: string[];
  places: RowPlace[];
  models: RowModel[];
  /** What could not be looked at, or cannot be told. */
  notes: string[];
}

const LINES_KEPT = 100;

/** Places by file and kind. Of each file the first lines are kept, and a count. */
export class PlaceList {
  readonly #places = new Map<string, RowPlace>();

  add(kind: PlaceKind, file: string, of: readonly string[], line: number | null): void {
    const key = JSON.stringify([kind, file]);
    const place = this.#places.get(key) ?? { kind, file, of: [...of], lines: [], count: 0 };
    place.count += 1;
    if (line !== null && place.lines.length < LINES_KEPT) place.lines.push(line);
    this.#places.set(key, place);
  }

  all(): RowPlace[] {
    const order = (kind: PlaceKind) => PLACE_KINDS.indexOf(kind);
    return [...this.#places.values()].sort(
      (a, b) => order(a.kind) - order(b.kind) || (a.file < b.file ? -1 : Number(a.file > b.file)),
    );
  }
}
