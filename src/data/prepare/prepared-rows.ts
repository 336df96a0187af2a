import { type FileHandle, open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pMapIterable } from 'p-map';
import { Piscina } from 'piscina';
import { IssueTable } from '../../core/dataset/issue.ts';
import type { Example } from '../../core/dataset/row.ts';
import { readBlocks, textLinesIn } from '../../stores/lines.ts';
import { KEY_BYTES } from '../rows/row-key.ts';
import { canonicalInput, SIGNATURE_WORDS, Signer } from '../split/near-duplicates.ts';
import { NearDuplicateIndex } from './near-duplicate-groups.ts';
import { keyOf, numberOf, type RowBatch, RowPreparation, type RowSettings } from './row-batch.ts';
import { type prepareChunk, type RowThreadData, readActuals } from './row-thread.ts';

const CHUNK_BYTES = 1 << 20;
/** Fewer rows than this are finished before threads have started. */
const THREADED_BYTES = 8 * CHUNK_BYTES;
const MOST_THREADS = 4;

/** The settings by which rows become examples. */
export interface RowSource {
  /** Local files of one log row a line. */
  segments: readonly { file: string; bytes: number; rows: number }[];
  /** Local files of answers that came later, the oldest first. */
  actuals: readonly string[];
  settings: RowSettings;
  /** Test examples that are not from the log; they come first. */
  heldOut: readonly Example[];
}

export interface PrepareRowsOptions {
  /** An existing folder; the caller removes its contents. */
  scratch: string;
  signal: AbortSignal;
  onProgress?: (rows: number) => void;
}

/**
 * All examples of a log: figures about each of them in memory, as columns of about 80 bytes a row, and their texts on disk. Row `i` of each
 * column belongs together. The first `heldOut` rows are the test examples.
 */
export interface PreparedRows {
  count: number;
  heldOut: number;
  /** For each row the first row of its group of equal and nearly equal inputs. */
  groups: Uint32Array;
  keys: Uint8Array;
  inputs: Float64Array;
  answers: Float64Array;
  ids: Float64Array;
  userGroups: Float64Array;
  times: Float64Array;
  /** Index into `labelNames`; all 0 for generation. */
  labels: Uint32Array;
  labelNames: string[];
  labelCounts: number[];
  issues: IssueTable;
  redactions: Record<string, number>;
  /** Whether a row is an earlier turn of another one, with `turns: last`. */
  isEarlierTurn(row: number): boolean;
  /** Rows that were left out when their row was read, by label. */
  lost: ReadonlyMap<string, number>;
  /** Rows whose answer or rating came later, and the number of such answers. */
  actuals: { used: number; given: number };
  /** The examples of the log in order, without those of the test file, as they were before labels were mended. */
  examples(): AsyncIterable<string>;
}

/**
 * Prepares all rows of a log in threads, and groups equal and nearly equal inputs. Order and result do not depend on
 * the number of threads.
 */
export async function prepareRows(source: RowSource, options: PrepareRowsOptions): Promise<PreparedRows> {
  const { scratch, signal, onProgress } = options;
  const capacity = source.heldOut.length + source.segments.reduce((sum, { rows }) => sum + rows, 0);
  const file = path.join(scratch, 'examples.jsonl');
  const columns = new Columns(capacity);
  const index = await NearDuplicateIndex.create(scratch);
  const handle = await open(file, 'w', 0o600);
  try {
    await addHeldOut(source.heldOut, columns, index);
    for await (const batch of batchesOf(source, signal)) {
      signal.throwIfAborted();
      columns.add(batch);
      await index.add(batch);
      await writeAll(handle, batch.examples);
      onProgress?.(columns.count);
    }
    const groups = await index.groups({ signal });
    const given = columns.actuals === 0 && source.actuals.length === 0 ? 0 : (await readActuals(source.actuals)).size;
    return {
      ...columns.all(),
      heldOut: source.heldOut.length,
      groups,
      actuals: { used: columns.actuals, given },
      examples: () => readLinesOf(file),
    };
  } finally {
    await handle.close();
    await index.close();
  }
}

/** The results of the threads' pieces, in the order of the pieces. */
async function* batchesOf({ segments, actuals, settings }: RowSource, signal: AbortSignal): AsyncIterable<RowBatch> {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  if (bytes < THREADED_BYTES) {
    const preparation = new RowPreparation(settings, await readActuals(actuals), signal);
    for await (const chunk of chunksOf(segments)) yield await preparation.prepare(chunk);
    return;
  }
  const threads = Math.min(MOST_THREADS, availableParallelism());
  const workerData: RowThreadData = { settings, actuals: [...actuals] };
  const pool = new Piscina<Uint8Array, Awaited<ReturnType<typeof prepareChunk>>>({
    filename: path.join(import.meta.dirname, `row-thread${path.extname(import.meta.filename)}`),
    name: 'prepareChunk',
    minThreads: threads,
    maxThreads: threads,
    workerData,
  });
  try {
    yield* pMapIterable(
      chunksOf(segments),
      (chunk) => pool.run(chunk, { signal, transferList: [chunk.buffer as ArrayBuffer] }),
      { concurrency: threads + 1, backpressure: threads * 2 },
    );
  } finally {
    await pool.destroy();
  }
}

async function* chunksOf(segments: RowSource['segments']): AsyncIterable<Buffer> {
  for (const { file } of segments) yield* readBlocks(file, CHUNK_BYTES);
}

async function* readLinesOf(file: string): AsyncIterable<string> {
  for await (const chunk of readBlocks(file, CHUNK_BYTES)) yield* textLinesIn(chunk);
}

async function addHeldOut(heldOut: readonly Example[], columns: Columns, index: NearDuplicateIndex): Promise<void> {
  if (heldOut.length === 0) return;
  const signer = new Signer();
  const texts = heldOut.map(({ input }) => canonicalInput(input));
  const signatures = new Uint32Array(texts.length * SIGNATURE_WORDS);
  texts.forEach((text, row) => {
    signer.sign(text, signatures, row * SIGNATURE_WORDS);
    columns.addHeldOut(keyOf(text), numberOf(heldOut[row]?.completion ?? ''));
  });
  await index.add({ texts, signatures });
}

/** A write may store fewer bytes than it was given. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    offset += (await handle.write(bytes, offset)).bytesWritten;
  }
}

/** Columns of a known capacity that are filled batch by batch. */
class Columns {
  count = 0;
  actuals = 0;
  readonly #keys: Uint8Array;
  readonly #inputs: Float64Array;
  readonly #answers: Float64Array;
  readonly #ids: Float64Array;
  readonly #userGroups: Float64Array;
  readonly #times: Float64Array;
  readonly #labels: Uint32Array;
  readonly #labelIndex = new Map<string, number>();
  readonly #labelCounts: number[] = [];
  readonly #issues = new IssueTable();
  readonly #redactions: Record<string, number> = {};
  readonly #turns: number[] = [];
  readonly #lost = new Map<string, number>();

  constructor(capacity: number) {
    this.#keys = new Uint8Array(capacity * KEY_BYTES);
    this.#inputs = new Float64Array(capacity);
    this.#answers = new Float64Array(capacity);
    this.#ids = new Float64Array(capacity);
    this.#userGroups = new Float64Array(capacity);
    this.#times = new Float64Array(capacity).fill(Number.NaN);
    this.#labels = new Uint32Array(capacity);
  }

  addHeldOut(key: Uint8Array, answer: number): void {
    this.#keys.set(key, this.count * KEY_BYTES);
    this.#answers[this.count] = answer;
    this.count += 1;
  }

  add(batch: RowBatch): void {
    const from = this.count;
    this.#keys.set(batch.keys, from * KEY_BYTES);
    this.#inputs.set(batch.inputs, from);
    this.#answers.set(batch.answers, from);
    this.#ids.set(batch.ids, from);
    this.#userGroups.set(batch.userGroups, from);
    this.#times.set(batch.times, from);
    batch.labels.forEach((label, row) => {
      const index = this.#labelIndex.get(label) ?? this.#labelIndex.size;
      this.#labelIndex.set(label, index);
      this.#labels[from + row] = index;
      this.#labelCounts[index] = (this.#labelCounts[index] ?? 0) + 1;
    });
    this.#issues.merge(batch.issues);
    for (const [type, count] of Object.entries(batch.redactions)) {
      this.#redactions[type] = (this.#redactions[type] ?? 0) + count;
    }
    for (const hash of batch.turns) this.#turns.push(hash);
    for (const [label, rows] of batch.lost) this.#lost.set(label, (this.#lost.get(label) ?? 0) + rows);
    this.actuals += batch.actuals;
    this.count += batch.rows;
  }

  #earlierTurns(): (row: number) => boolean {
    if (this.#turns.length === 0) return () => false;
    const before = new Set(this.#turns.filter((_, index) => index % 2 === 1));
    const heldOut = this.count - this.#turns.length / 2;
    return (row) => row >= heldOut && before.has(this.#turns[(row - heldOut) * 2] ?? 0);
  }

  all(): Omit<PreparedRows, 'heldOut' | 'groups' | 'actuals' | 'examples'> {
    const rows = <T extends Float64Array | Uint32Array>(column: T) => column.subarray(0, this.count) as T;
    return {
      count: this.count,
      keys: this.#keys.subarray(0, this.count * KEY_BYTES),
      inputs: rows(this.#inputs),
      answers: rows(this.#answers),
      ids: rows(this.#ids),
      userGroups: rows(this.#userGroups),
      times: rows(this.#times),
      labels: rows(this.#labels),
      labelNames: [...this.#labelIndex.keys()],
      labelCounts: this.#labelCounts,
      issues: this.#issues,
      redactions: this.#redactions,
      lost: this.#lost,
      isEarlierTurn: this.#earlierTurns(),
    };
  }
}
