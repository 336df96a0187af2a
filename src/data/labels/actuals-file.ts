import { mkdir, open, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { isRecord } from '../../contract/stored/format.ts';
import type { Actual } from '../../core/dataset/row.ts';
import { TuneloopError } from '../../errors.ts';
import { readLines } from '../../stores/lines.ts';

/** An answer as it is added, with its author and time. */
export interface GivenAnswer {
  /** Id of its row. */
  id: string;
  actual: string;
  /** `person:ana` or `model:gpt-4.1`. */
  by: string;
  /** ISO 8601. */
  timestamp: string;
}

/** Begins the name of a model in `by`; other names are people. */
const MODEL = 'model:';

export function byModel(model: string): string {
  return `${MODEL}${model}`;
}

export function isByModel(by: string | undefined): boolean {
  return by?.startsWith(MODEL) ?? false;
}

/**
 * A file of right answers that came later, one JSON object a line: `{actual_for, actual, by, timestamp}`. It is only appended to, because
 * other programs may append to it meanwhile, and a reader continues where it stopped.
 */
export class ActualsFile {
  /** The latest answer of each id. */
  readonly answers = new Map<string, Actual>();
  readonly #file: string;
  #bytes = 0;
  /** The text after the last line feed. */
  #rest: Buffer = Buffer.alloc(0);

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Reads the existing answers; a file that does not exist holds none.
   *
   * @throws TuneloopError PIPELINE_INVALID if it is no file.
   */
  static async open(file: string): Promise<ActualsFile> {
    const actuals = new ActualsFile(file);
    actuals.#bytes = await sizeOf(file);
    if (actuals.#bytes > 0) await actuals.#read();
    return actuals;
  }

  /** Adds answers, in one write that is on disk when this resolves. */
  async append(answers: readonly GivenAnswer[]): Promise<void> {
    if (answers.length === 0) return;
    const lines = answers.map(({ id, actual, by, timestamp }) =>
      Buffer.from(`${JSON.stringify({ actual_for: id, actual, by, timestamp })}\n`),
    );
    await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    // The rest of one of these very lines after a crash is completed; any other text is left alone, because another program may have
    // written it.
    const cutOff =
      this.#rest.length > 0 && lines.some((line) => line.subarray(0, this.#rest.length).equals(this.#rest));
    if (cutOff) await truncate(this.#file, this.#bytes - this.#rest.length);
    const lineFeed = this.#rest.length > 0 && !cutOff ? [Buffer.from('\n')] : [];
    // Production data: readable by its owner only.
    const handle = await open(this.#file, 'a', 0o600);
    try {
      await handle.appendFile(Buffer.concat([...lineFeed, ...lines]));
      await handle.sync();
      this.#bytes = (await handle.stat()).size;
    } finally {
      await handle.close();
    }
    this.#rest = Buffer.alloc(0);
    for (const answer of answers) this.answers.set(answer.id, answer);
  }

  async #read(): Promise<void> {
    let position = 0;
    for await (const line of readLines(this.#file)) {
      position += line.length + 1;
      if (position > this.#bytes) this.#rest = Buffer.from(line);
      const answer = parseAnswer(line);
      if (answer) this.answers.set(answer.id, answer);
    }
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    const stats = await stat(file);
    if (stats.isFile()) return stats.size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
  throw new TuneloopError(
    'PIPELINE_INVALID',
    `source.actuals: ${file} is no file: name one that answers can be added to`,
  );
}

/** Undefined for a line that is no answer: the source judges lines, and this file only has to know the answers. */
function parseAnswer(line: Buffer): Actual | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8').replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { actual_for: id, actual, by } = value;
  if (typeof id !== 'string' || typeof actual !== 'string') return undefined;
  return { id, actual, ...(typeof by === 'string' ? { by } : {}) };
}
