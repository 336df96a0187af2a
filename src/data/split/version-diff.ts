import type { PromptTemplate } from '@tuneloop/app/internal/prompt/prompt-template';
import type { Manifest } from '../../core/dataset/manifest.ts';
import { SIDE_LETTERS, SIDES, type Side } from '../../core/dataset/side.ts';
import { inCodeUnitOrder } from '../../core/text/order.ts';
import { TuneloopError } from '../../errors.ts';
import { compareKeys, KEY_BYTES, keyText } from '../rows/row-key.ts';

/** Examples of two dataset versions, compared by their keys. */
export interface ExampleChanges {
  unchanged: number;
  added: Record<Side, number>;
  removed: Record<Side, number>;
  /** Same input on the same side, another answer. */
  answerChanged: number;
  /** Same input on another side; 0 as long as the salt stays. */
  moved: number;
}

/** The other differences between two dataset versions. */
export interface ManifestChanges {
  labels: Change<Record<Side, number>>[];
  /** Rows. */
  verdicts: Change<number>[];
  /** Keys of the pipeline file. */
  settings: Change<unknown>[];
  /** Whether all rows got new sides. */
  salt: boolean;
}

/** Versions of the prompt that one of two templates has and the other has not. */
export interface TemplateChanges {
  added: number;
  removed: number;
}

export interface Change<T> {
  name: string;
  before: T;
  after: T;
}

/** The columns of examples by which versions are compared. */
export interface KeyedExamples {
  keys: Uint8Array;
  /** By `SIDE_CODES`; 0 for rows that are left out. */
  sides: Uint8Array;
  /** Hashes of the answers: whole numbers below 2^52. */
  answers: ArrayLike<number>;
}

/**
 * A line for each example that has a side, in ascending order: 32 hex digits of its key, the letter of its side, 8 hex
 * digits of its answer's hash.
 */
export function* keyLines({ keys, sides, answers }: KeyedExamples): Iterable<string> {
  const rows = new Uint32Array(sides.length);
  let count = 0;
  sides.forEach((side, row) => {
    if (side !== 0) rows[count++] = row;
  });
  const letterOf = (row: number) => SIDE_LETTERS[(sides[row] ?? 0) - 1] ?? '';
  const answerOf = (row: number) => Math.floor((answers[row] ?? 0) / 2 ** 20);
  const ordered = rows
    .subarray(0, count)
    .sort((a, b) => compareKeys(keys, a, b) || inCodeUnitOrder(letterOf(a), letterOf(b)) || answerOf(a) - answerOf(b));
  for (const row of ordered) {
    yield `${keyText(keys, row)} ${letterOf(row)} ${answerOf(row).toString(16).padStart(8, '0')}`;
  }
}

/**
 * Compares two streams of {@link keyLines}, in constant memory.
 *
 * @throws TuneloopError ARTIFACT_CORRUPT for a line that is none of those, or out of order.
 */
export async function diffExamples(
  before: AsyncIterable<string>,
  after: AsyncIterable<string>,
): Promise<ExampleChanges> {
  const changes: ExampleChanges = { unchanged: 0, added: noRows(), removed: noRows(), answerChanged: 0, moved: 0 };
  const [a, b] = [new KeyLineReader(before), new KeyLineReader(after)];
  try {
    await a.advance();
    await b.advance();
    for (let key = firstKey(a, b); key !== null; key = firstKey(a, b))
      countChanges(changes, await compareKey(key, a, b));
    return changes;
  } finally {
    await a.close();
    await b.close();
  }
}

/** Compares the texts of prompts; how often each version was met does not count. */
export function diffTemplates(before: PromptTemplate, after: PromptTemplate): TemplateChanges {
  const textsOf = ({ versions }: PromptTemplate) =>
    new Set(versions.map((version) => JSON.stringify({ ...version, rows: undefined })));
  const [a, b] = [textsOf(before), textsOf(after)];
  return {
    added: [...b].filter((version) => !a.has(version)).length,
    removed: [...a].filter((version) => !b.has(version)).length,
  };
}

/** Compares the manifests of two versions. */
export function diffManifests(before: Manifest, after: Manifest): ManifestChanges {
  const labelsOf = ({ labels }: Manifest) => new Map(Object.entries(labels ?? {}));
  const issuesOf = ({ verdicts }: Manifest) =>
    new Map(verdicts.map(({ verdict: issue, rows }) => [issue, rows] as const));
  return {
    labels: changesBetween(labelsOf(before), labelsOf(after), noRows()),
    verdicts: changesBetween(issuesOf(before), issuesOf(after), 0),
    settings: changesBetween(settingsOf(before), settingsOf(after), null),
    salt: before.salt.sha256 !== after.salt.sha256,
  };
}

/** Rows of one key that only one of two versions has; all of them are on one side. */
interface Lone {
  rows: number;
  side: Side;
}

interface KeyChanges {
  unchanged: number;
  removed: Lone;
  added: Lone;
}

/** Reads the lines of one key from both. A key has several where equal inputs are kept. */
async function compareKey(key: string, before: KeyLineReader, after: KeyLineReader): Promise<KeyChanges> {
  const changes: KeyChanges = { unchanged: 0, removed: { rows: 0, side: 'train' }, added: { rows: 0, side: 'train' } };
  for (;;) {
    const [a, b] = [before.lineOf(key), after.lineOf(key)];
    if (a === null && b === null) return changes;
    if (a === b) {
      changes.unchanged += 1;
      await before.advance();
      await after.advance();
    } else if (b === null || (a !== null && a < b)) {
      changes.removed = { rows: changes.removed.rows + 1, side: before.side };
      await before.advance();
    } else {
      changes.added = { rows: changes.added.rows + 1, side: after.side };
      await after.advance();
    }
  }
}

function countChanges(changes: ExampleChanges, { unchanged, removed, added }: KeyChanges): void {
  const changed = Math.min(removed.rows, added.rows);
  changes.unchanged += unchanged;
  changes[removed.side === added.side ? 'answerChanged' : 'moved'] += changed;
  changes.removed[removed.side] += removed.rows - changed;
  changes.added[added.side] += added.rows - changed;
}

const LINE = new RegExp(`^[0-9a-f]{${KEY_BYTES * 2}} [${SIDE_LETTERS}] [0-9a-f]{8}$`);

/** One line at a time, checked. */
class KeyLineReader {
  readonly #lines: AsyncIterator<string>;
  #line: string | null = null;
  #number = 0;

  constructor(lines: AsyncIterable<string>) {
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** The line, if it is one of this key. */
  lineOf(key: string): string | null {
    return this.#line?.startsWith(key) ? this.#line : null;
  }

  /** Null at the end. */
  get key(): string | null {
    return this.#line?.slice(0, KEY_BYTES * 2) ?? null;
  }

  get side(): Side {
    return SIDES[SIDE_LETTERS.indexOf(this.#line?.[KEY_BYTES * 2 + 1] ?? '')] ?? 'train';
  }

  async advance(): Promise<void> {
    const { done, value } = await this.#lines.next();
    this.#number += 1;
    if (!done && (!LINE.test(value) || value < (this.#line ?? ''))) {
      throw new TuneloopError(
        'ARTIFACT_CORRUPT',
        `line ${this.#number} of the keys of a dataset version is none, or out of order: it was not written by this program`,
      );
    }
    this.#line = done ? null : value;
  }

  async close(): Promise<void> {
    await this.#lines.return?.();
  }
}

function firstKey(a: KeyLineReader, b: KeyLineReader): string | null {
  if (a.key === null || b.key === null) return a.key ?? b.key;
  return inCodeUnitOrder(a.key, b.key) < 0 ? a.key : b.key;
}

function noRows(): Record<Side, number> {
  return { train: 0, validation: 0, test: 0 };
}

/** The keys whose values differ between two maps, or that only one of them has. Values are plain JSON. */
function changesBetween<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>, absent: T): Change<T>[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const change = { name, before: before.get(name) ?? absent, after: after.get(name) ?? absent };
    return JSON.stringify(change.before) === JSON.stringify(change.after) ? [] : [change];
  });
}

function settingsOf({ clean, split, source }: Manifest): Map<string, unknown> {
  const keys = (section: string, values: object) =>
    Object.entries(values).map(([key, value]) => [`${section}.${key}`, value] as const);
  return new Map<string, unknown>([...keys('clean', clean), ...keys('split', split), ['source', source.choice]]);
}
