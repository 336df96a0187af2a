import path from 'node:path';
import type { ProviderItem } from '../stores/erased-rows.ts';
import { artifactsFolder } from '../stores/home.ts';
import type { Served } from './model-lineage.ts';

/** The way in which a place is freed of a row. */
export type PlaceAction =
  /** It gets a new hash without the row; readers of the old one are led to it. */
  | 'replace'
  /** It is removed, and a mark says that it was erased. */
  | 'remove'
  /** It is written anew without the row. */
  | 'rewrite'
  /** The row is overwritten with spaces, so that no other line moves and writers can continue. */
  | 'blank';

/** The kinds of places that hold a row, and how each is freed in the home; in the order in which they are listed. */
const ACTIONS = {
  log: 'blank',
  'later-answers': 'blank',
  'test-file': 'blank',
  snapshot: 'replace',
  'snapshot-answers': 'replace',
  examples: 'replace',
  'training-file': 'remove',
  prediction: 'remove',
  scores: 'rewrite',
  report: 'rewrite',
  labelling: 'rewrite',
  sheet: 'rewrite',
  'cached-answer': 'blank',
  key: 'replace',
  leftover: 'remove',
} as const satisfies Record<string, PlaceAction>;

export type PlaceKind = keyof typeof ACTIONS;
const PLACE_KINDS = Object.keys(ACTIONS);

/** A file that holds a row. */
export interface RowPlace {
  kind: PlaceKind;
  file: string;
  /** The role of the file, such as `shop@2 train`; empty for an unreferenced file. */
  of: string[];
  /** Lines that hold it, from 1; the first ones. Empty for a file without lines. */
  lines: number[];
  /** The number of lines that hold it. */
  count: number;
  /** The effect of `--yes` on it; `none` for a file outside of the home, which belongs to its owner. */
  action: PlaceAction | 'none';
}

/** A place with everything that erasing needs. */
export interface FoundPlace extends Omit<RowPlace, 'lines' | 'count'> {
  /** The number of lines of the file that the row takes, by its first line. */
  spans: Map<number, number>;
}

/** A model that had the row in training. */
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

/** All places that are known to hold a row. */
export interface RowPlaces {
  /** The ids of the wanted rows. */
  ids: string[];
  places: RowPlace[];
  models: RowModel[];
  /** Items that may lie at a provider, unless they are known to be deleted there. */
  atProvider: ProviderItem[];
  /** Places that could not be searched, or whose content is unknown. */
  notes: string[];
}

const LINES_KEPT = 100;

/** Places by file and kind. */
export class PlaceList {
  readonly #home: string;
  readonly #places = new Map<string, FoundPlace>();
  readonly #counts = new Map<FoundPlace, number>();

  constructor(home: string) {
    this.#home = home;
  }

  /** @param span the number of lines that the row takes. */
  add(kind: PlaceKind, file: string, of: readonly string[], line: number | null, span = 1): void {
    const key = JSON.stringify([kind, file]);
    let place = this.#places.get(key);
    if (!place) {
      place = { kind, file, of: [...of], spans: new Map(), action: this.#actionFor(kind, file) };
      this.#places.set(key, place);
    }
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1);
    if (line !== null) place.spans.set(line, span);
  }

  /** An artifact is never written anew under its own hash. */
  #actionFor(kind: PlaceKind, file: string): RowPlace['action'] {
    if (!isInside(this.#home, file)) return 'none';
    const action = ACTIONS[kind];
    return action === 'rewrite' && isInside(artifactsFolder(this.#home), file) ? 'remove' : action;
  }

  found(): FoundPlace[] {
    const order = (kind: PlaceKind) => PLACE_KINDS.indexOf(kind);
    return [...this.#places.values()].sort(
      (a, b) => order(a.kind) - order(b.kind) || (a.file < b.file ? -1 : Number(a.file > b.file)),
    );
  }

  /** Of each file the first lines, and a count. */
  all(): RowPlace[] {
    return this.found().map((place) => {
      const { spans, ...rest } = place;
      return { ...rest, lines: [...spans.keys()].slice(0, LINES_KEPT), count: this.#counts.get(place) ?? 0 };
    });
  }
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, path.resolve(file));
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}
