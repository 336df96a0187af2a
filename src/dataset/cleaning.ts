import type { Example } from './row.ts';
import { canonicalText } from './split.ts';

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

/** Examples whose inputs count as equal ({@link canonicalText}), so that they share a side of the split. */
export interface Conflict {
  /** As the first of them spells it. */
  input: string;
  /** The first few different answers, white space around them left out. */
  completions: string[];
  /** How many different answers there are. */
  answers: number;
  /** The first few line numbers. */
  lines: number[];
}

const LINES_SHOWN = 20;

/**
 * Leaves out examples without an input or an answer and, unless told otherwise, all but the oldest of equal ones: the
 * one with the first timestamp, or without timestamps the first line. Those that stay keep their order.
 */
export function cleanExamples(
  examples: readonly Example[],
  { dropDuplicates = true }: { dropDuplicates?: boolean } = {},
): Cleaned {
  const kept: Example[] = [];
  const drops = new DropCount();
  const oldest = dropDuplicates ? oldestOfEach(examples) : undefined;
  for (const example of examples) {
    if (example.input.trim() === '') drops.add('empty input', example.line);
    else if (example.completion.trim() === '') drops.add('empty completion', example.line);
    else if (oldest && oldest.get(pairOf(example)) !== example) drops.add('exact duplicate', example.line);
    else kept.push(example);
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

function oldestOfEach(examples: readonly Example[]): Map<string, Example> {
  const oldest = new Map<string, Example>();
  for (const example of examples) {
    const pair = pairOf(example);
    const known = oldest.get(pair);
    if (!known || isOlder(example, known)) oldest.set(pair, example);
  }
  return oldest;
}

/** The length keeps an input and an answer apart that run together alike. */
function pairOf({ input, completion }: Example): string {
  return `${input.length} ${input}${completion}`;
}

function isOlder(a: Example, b: Example): boolean {
  const [timeOfA, timeOfB] = [timeOf(a), timeOf(b)];
  return timeOfA === timeOfB ? a.line < b.line : timeOfA < timeOfB;
}

/** A row without a readable timestamp comes after all that have one. */
function timeOf({ timestamp }: Example): number {
  const time = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : time;
}

function findConflicts(examples: readonly Example[]): Conflict[] {
  return [...Map.groupBy(examples, ({ input }) => canonicalText(input)).values()].flatMap((group): Conflict[] => {
    const [first] = group;
    const completions = [...new Set(group.map(({ completion }) => completion.trim()))];
    if (!first || completions.length < 2) return [];
    return [
      {
        input: first.input,
        completions: completions.slice(0, LINES_SHOWN),
        answers: completions.length,
        lines: group.map(({ line }) => line).slice(0, LINES_SHOWN),
      },
    ];
  });
}
