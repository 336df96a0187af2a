import type { Example } from './row.ts';

export interface Cleaned {
  examples: Example[];
  dropped: Drop[];
  /** Equal inputs with different answers: kept, because nobody but the user knows which one is right. */
  conflicts: Conflict[];
}

/** Rows that were left out for one reason. */
export interface Drop {
  reason: string;
  rows: number;
  /** The first few line numbers. */
  lines: number[];
}

export interface Conflict {
  lines: number[];
  answers: number;
}

const LINES_SHOWN = 20;

/** Leaves out examples without an input or an answer and, if asked to, all but the first of equal ones. */
export function cleanExamples(examples: readonly Example[], options: { dropDuplicates: boolean }): Cleaned {
  const kept: Example[] = [];
  const drops = new DropCount();
  const seen = new Set<string>();
  for (const example of examples) {
    const pair = JSON.stringify([example.input, example.completion]);
    if (example.input.trim() === '') drops.add('empty input', example.line);
    else if (example.completion.trim() === '') drops.add('empty completion', example.line);
    else if (options.dropDuplicates && seen.has(pair)) drops.add('exact duplicate', example.line);
    else kept.push(example);
    seen.add(pair);
  }
  return { examples: kept, dropped: drops.all(), conflicts: findConflicts(kept) };
}

/** Counts dropped rows by reason. */
export class DropCount {
  readonly #drops = new Map<string, Drop>();

  add(reason: string, line: number): void {
    const drop = this.#drops.get(reason) ?? { reason, rows: 0, lines: [] };
    drop.rows += 1;
    if (drop.lines.length < LINES_SHOWN) drop.lines.push(line);
    this.#drops.set(reason, drop);
  }

  all(): Drop[] {
    return [...this.#drops.values()];
  }
}

function findConflicts(examples: readonly Example[]): Conflict[] {
  return [...Map.groupBy(examples, ({ input }) => input).values()]
    .map((group) => ({
      lines: group.map(({ line }) => line).slice(0, LINES_SHOWN),
      answers: new Set(group.map(({ completion }) => completion.trim())).size,
    }))
    .filter(({ answers }) => answers > 1);
}
