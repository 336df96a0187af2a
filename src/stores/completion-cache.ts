import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { isRecord } from '../contract/stored/format.ts';
import { completionsFolder } from './home.ts';
import { LineAppender } from './line-appender.ts';
import { readLines } from './lines.ts';

/** A request to a model. Everything that changes the answer belongs here. */
export interface Question {
  /** The address of the provider. */
  address: string;
  model: string;
  messages: readonly { role: string; content: string }[];
  /** Null for none. */
  maxOutputTokens: number | null;
  temperature: number;
}

/** A stored answer, and whether an earlier attempt of this evaluation asked for it. */
interface Found<Answer> {
  answer: Answer;
  own: boolean;
}

/** Answers are valid for this time, because a model may be exchanged behind its name. */
const KEPT_MS = 30 * 86_400_000;
/** If the whole cache exceeds this size, the oldest files are removed first. */
const MOST_BYTES = 1 << 30;
/** A file that was written to within this time stays whatever the size, because its evaluation may still run. */
const IN_USE_MS = 86_400_000;

interface Line<Answer> {
  key: string;
  answer: Answer;
}

/** A file of answers, and whether this evaluation wrote it. */
interface Segment {
  file: string;
  own: boolean;
  handle?: Promise<FileHandle>;
}

interface Place {
  segment: Segment;
  start: number;
  length: number;
}

/**
 * The paid answers of one model, on disk: an attempt of an evaluation continues where the one before it stopped, and later runs do not pay
 * again for shared requests. Each attempt writes a file of its own, so that no reader meets the half line of a killed worker, and reads all
 * of them. The memory holds the position of each answer, about 80 bytes.
 *
 * Files are `completions/<model>/<evaluation>-<uuid>.jsonl`. See {@link pruneCompletions} for their lifetime.
 */
export class CompletionCache<Answer> {
  readonly #places = new Map<number, Place>();
  readonly #appender: LineAppender;
  readonly #isAnswer: (value: unknown) => value is Answer;
  readonly #segments: Segment[] = [];

  private constructor(file: string, isAnswer: (value: unknown) => value is Answer) {
    this.#appender = new LineAppender(file);
    this.#isAnswer = isAnswer;
  }

  /**
   * Finds the stored answers. Lines that cannot be read are passed over.
   *
   * @param of the model and its address.
   * @param evaluation names this evaluation.
   * @param onOwn is told of every answer that an earlier attempt of this evaluation has paid for.
   * @param isAnswer whether a stored value is an answer; others are passed over.
   */
  static async open<Answer>(
    home: string,
    of: Pick<Question, 'address' | 'model'>,
    evaluation: string,
    onOwn: (answer: Answer) => void,
    isAnswer: (value: unknown) => value is Answer,
  ): Promise<CompletionCache<Answer>> {
    const folder = path.join(completionsFolder(home), nameOf([of.address, of.model]));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const name = nameOf([evaluation]);
    const cache = new CompletionCache<Answer>(path.join(folder, `${name}-${randomUUID()}.jsonl`), isAnswer);
    const files = (await filesIn(folder)).filter(({ modified }) => Date.now() - modified < KEPT_MS);
    const isOwn = ({ file }: { file: string }) => path.basename(file).startsWith(`${name}-`);
    // The last one read counts: the newest, and this evaluation's own before any other.
    files.sort((a, b) => Number(isOwn(a)) - Number(isOwn(b)) || a.modified - b.modified);
    for (const file of files) await cache.#index({ file: file.file, own: isOwn(file) }, onOwn);
    return cache;
  }

  async find(key: string): Promise<Found<Answer> | undefined> {
    const place = this.#places.get(shortened(key));
    if (!place) return undefined;
    const { segment, start, length } = place;
    segment.handle ??= open(segment.file, 'r');
    try {
      const bytes = Buffer.alloc(length);
      await (await segment.handle).read(bytes, 0, length, start);
      const line = this.#parse(bytes);
      return line?.key === key ? { answer: line.answer, own: segment.own } : undefined;
    } catch (error) {
      // Another evaluation has tidied up meanwhile.
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Starts to write an answer; answers that arrive during a write are written together. */
  add(key: string, answer: Answer): void {
    const line: Line<Answer> = { key, answer };
    this.#appender.add(line);
  }

  /** Resolves once all added answers are in the file. @throws the error of the file system. */
  written(): Promise<void> {
    return this.#appender.written();
  }

  async close(): Promise<void> {
    await this.#appender.written().catch(() => {});
    for (const { handle } of this.#segments) await handle?.then((opened) => opened.close()).catch(() => {});
  }

  async #index(segment: Segment, onOwn: (answer: Answer) => void): Promise<void> {
    this.#segments.push(segment);
    let start = 0;
    try {
      for await (const bytes of readLines(segment.file)) {
        const line = this.#parse(bytes);
        if (line) {
          this.#places.set(shortened(line.key), { segment, start, length: bytes.length });
          if (segment.own) onOwn(line.answer);
        }
        start += bytes.length + 1;
      }
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }

  #parse(bytes: Buffer): Line<Answer> | undefined {
    let line: unknown;
    try {
      line = JSON.parse(bytes.toString('utf8'));
    } catch {
      return undefined;
    }
    if (!isRecord(line)) return undefined;
    const { key, answer } = line;
    return typeof key === 'string' && key.length === 43 && this.#isAnswer(answer) ? { key, answer } : undefined;
  }
}

/** SHA-256 of a question, under which its answer is stored. */
export function questionKey({ address, model, messages, maxOutputTokens, temperature }: Question): string {
  const asked = messages.map(({ role, content }) => [role, content]);
  const text = JSON.stringify([address, model, asked, maxOutputTokens, temperature]);
  return createHash('sha256').update(text).digest('base64url');
}

/**
 * Removes answers that are older than 30 days, and the oldest files while the cache is larger than 1 GiB; files that were written within a
 * day stay.
 */
export async function pruneCompletions(home: string, mostBytes = MOST_BYTES): Promise<void> {
  const folders = await entriesOf(completionsFolder(home));
  const files = (
    await Promise.all(folders.map((folder) => filesIn(path.join(completionsFolder(home), folder))))
  ).flat();
  files.sort((a, b) => a.modified - b.modified);
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  for (const file of files) {
    const age = Date.now() - file.modified;
    if (age < KEPT_MS && (bytes <= mostBytes || age < IN_USE_MS)) continue;
    await rm(file.file, { force: true });
    bytes -= file.bytes;
  }
}

/** A file name of a fixed length for any texts. */
function nameOf(texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 32);
}

/** 48 bits of a key. Two keys that share them are told apart by their lines, and the older answer counts as missing. */
function shortened(key: string): number {
  return Buffer.from(key.slice(0, 8), 'base64url').readUIntBE(0, 6);
}

async function filesIn(folder: string): Promise<{ file: string; bytes: number; modified: number }[]> {
  const files = await Promise.all(
    (await entriesOf(folder)).map(async (name) => {
      const file = path.join(folder, name);
      const found = await stat(file).catch(() => undefined);
      return found?.isFile() ? [{ file, bytes: found.size, modified: found.mtimeMs }] : [];
    }),
  );
  return files.flat();
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
