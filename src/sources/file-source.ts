import { stat } from 'node:fs/promises';
import { z } from 'zod';
import type { Cursor } from '../core/run/snapshot.ts';
import { FileBytes, findFiles, nameOf } from './files.ts';
import type { Reading, Source, SourceItem } from './source.ts';

/**
 * Reads the records of one file, except the first few. An unfinished last record is left for the next reading, or makes the file `open`.
 */
export type RecordReader = (
  chunks: AsyncIterable<Buffer>,
  options: { file: string; skip: number },
) => AsyncGenerator<SourceItem, RecordsRead>;

export interface RecordsRead {
  /** The part that the next reading skips. */
  records: number;
  /** Whether the last record may continue in a growing file, so that the part that was read would be wrong. */
  open: boolean;
}

const cursorSchema = z.object({
  type: z.literal('files'),
  files: z.record(z.string(), z.object({ bytes: z.int(), sha256: z.string(), records: z.int(), open: z.boolean() })),
});

type FileRead = z.output<typeof cursorSchema>['files'][string];

interface FoundFile {
  file: string;
  name: string;
  /** The file's bytes at the start of reading; later ones are for the next reading. */
  size: number;
}

/**
 * Files of records that only grow, and files that are added. A file counts as the same as long as its first bytes have the hash that they
 * had, whatever its name is now: then its known part is passed over. The rows of a removed file stay known; a rewritten file makes
 * everything be read anew.
 */
export class FileSource implements Source {
  readonly #pattern: string;
  readonly #readRecords: RecordReader;

  /** @param pattern - a path or a glob; names that end in `.gz` are unpacked */
  constructor(pattern: string, readRecords: RecordReader) {
    this.#pattern = pattern;
    this.#readRecords = readRecords;
  }

  describe(): Promise<string[]> {
    return findFiles(this.#pattern);
  }

  async read(since: Cursor | null, signal: AbortSignal): Promise<Reading> {
    const before = since === null ? {} : (cursorSchema.safeParse(since).data?.files ?? null);
    const found: FoundFile[] = [];
    for (const file of await findFiles(this.#pattern)) {
      found.push({ file, name: nameOf(file, this.#pattern), size: (await stat(file)).size });
    }
    const known = before && (await recognize(found, before, signal));
    const files: Record<string, FileRead> = { ...known?.gone };
    return {
      anew: known === null,
      items: this.#items(found, known?.read ?? new Map(), files, signal),
      cursor: () => ({ type: 'files', files: { ...files } }),
    };
  }

  /** Notes each file that was read to its end. */
  async *#items(
    found: readonly FoundFile[],
    known: ReadonlyMap<string, FileRead>,
    files: Record<string, FileRead>,
    signal: AbortSignal,
  ): AsyncGenerator<SourceItem> {
    for (const { file, name, size } of found) {
      const before = known.get(file);
      if (before?.bytes === size) {
        files[file] = before;
      } else {
        const bytes = new FileBytes(file, { name, size, signal });
        const read = yield* this.#readRecords(bytes.chunks(), { file: name, skip: before?.records ?? 0 });
        files[file] = { ...bytes.digest(), ...read };
      }
    }
  }
}

/** The read parts of existing files, and of missing ones; null if one of them was rewritten. */
async function recognize(
  found: readonly FoundFile[],
  before: Record<string, FileRead>,
  signal: AbortSignal,
): Promise<{ read: Map<string, FileRead>; gone: Record<string, FileRead> } | null> {
  const read = new Map<string, FileRead>();
  const moved: [string, FileRead][] = [];
  for (const [name, known] of Object.entries(before)) {
    const file = found.find((each) => each.file === name);
    if (file && (await beginsWith(file, known, signal))) read.set(name, known);
    else moved.push([name, known]);
  }
  const gone: Record<string, FileRead> = {};
  for (const [name, known] of moved) {
    const file = await findAsync(
      found.filter((each) => !read.has(each.file) && each.file.endsWith('.gz') === name.endsWith('.gz')),
      (each) => beginsWith(each, known, signal),
    );
    if (file) read.set(file.file, known);
    else if (found.some((each) => each.file === name)) return null;
    else gone[name] = known;
  }
  return { read, gone };
}

async function beginsWith(
  { file, name, size }: FoundFile,
  { bytes, sha256, open }: FileRead,
  signal: AbortSignal,
): Promise<boolean> {
  if (size < bytes || (open && size > bytes)) return false;
  return (await new FileBytes(file, { name, size: bytes, signal }).hash()) === sha256;
}

async function findAsync<T>(values: readonly T[], matches: (value: T) => Promise<boolean>): Promise<T | undefined> {
  for (const value of values) if (await matches(value)) return value;
  return undefined;
}
