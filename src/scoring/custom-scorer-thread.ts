import { pathToFileURL } from 'node:url';

/** The place of a function. */
export interface ScorerPlace {
  /** Absolute path. */
  module: string;
  export: string;
}

/** The input of a scorer, in the form of `autoevals`. */
export interface ScorerRow {
  input: string;
  output: string;
  expected: string;
}

/** A score from 0 to 1, or the reason why there is none, in words that hold nothing of the row. */
export type ScorerReply = { score: number } | { failure: string };

/** Runs in a thread: loads the module. Returns the reason why it cannot be used, or null where it can. */
export async function findScorer(place: ScorerPlace): Promise<string | null> {
  const found = await load(place);
  return typeof found === 'string' ? found : null;
}

/** Runs in a thread: scores one row. */
export async function callScorer({ place, row }: { place: ScorerPlace; row: ScorerRow }): Promise<ScorerReply> {
  const scorer = await load(place);
  if (typeof scorer === 'string') return { failure: scorer };
  try {
    const result = await scorer(row);
    const score = typeof result === 'object' && result !== null && 'score' in result ? result.score : result;
    if (typeof score === 'number' && score >= 0 && score <= 1) return { score };
    return { failure: `it gave ${kindOf(score)}, and a score is a number from 0 to 1` };
  } catch (error) {
    // The message may hold the row.
    return { failure: `it threw ${error instanceof Error ? error.constructor.name : typeof error}` };
  }
}

/** The function, or the reason why there is none. Node keeps loaded modules. */
async function load(place: ScorerPlace): Promise<((row: ScorerRow) => unknown) | string> {
  let exported: Record<string, unknown>;
  try {
    exported = await import(pathToFileURL(place.module).href);
  } catch (error) {
    return `it cannot be loaded (${String(error).slice(0, 500)})`;
  }
  // The `default` of a CommonJS module may hold all of its exports.
  const found: unknown = exported[place.export] ?? Reflect.get(Object(exported.default), place.export);
  if (typeof found === 'function') return (row) => found(row);
  const names = Object.keys(exported).slice(0, 20).join(', ');
  return `there is no such function; the module exports ${names === '' ? 'nothing' : names}`;
}

function kindOf(score: unknown): string {
  if (typeof score === 'number') return Number.isNaN(score) ? 'NaN' : 'a number outside of that';
  return score === null ? 'null' : typeof score;
}
