import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { z } from 'zod';
import { PROFILE_NAMES } from '../core/run/pipeline.ts';
import { TuneloopError } from '../errors.ts';
import { writeFileAtomically } from './files.ts';
import { erasedRowsFolder } from './home.ts';

/** A row with the parts by which it is recognized. */
export interface RecognizedRow {
  id: string;
  /** Number of the line, from 1. */
  line: number;
  file?: string;
  messages?: readonly { role: string; content: string }[];
  /** The input of a row of a test file, which has no messages. */
  input?: string;
}

const keyDigits = z.string().regex(/^[0-9a-f]{64}$/);
/** The part of a pipeline's `provider` that is needed to reach it. */
export const providerSchema = z.union([
  z.enum(PROFILE_NAMES),
  z.object({ baseURL: z.string(), apiKeyEnv: z.string(), settling_seconds: z.number().exactOptional() }),
]);

const erasureSchema = z.object({
  format: z.literal(1),
  /** SHA-256 hashes by which the row is recognized; neither its id nor its text can be read off them. */
  keys: z.array(keyDigits),
  /** When the erasure began, ISO 8601. */
  erasedAt: z.iso.datetime(),
  /** Logs in the home from which the row was blanked. */
  logs: z.array(z.string()),
  /** Files and models at the provider that hold the row, or were trained on it, and have not been deleted yet. */
  atProvider: z.array(
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('file'), provider: providerSchema, name: z.string(), bytes: z.int().gte(0) }),
      z.object({ kind: z.literal('model'), provider: providerSchema, name: z.string() }),
    ]),
  ),
});

/** The record of one erased row. It is written before anything is erased, so that an interrupted erasure can go on. */
export type Erasure = Omit<z.output<typeof erasureSchema>, 'format'>;

/** Something at a provider that holds an erased row, or was trained on it. */
export type ProviderItem = Erasure['atProvider'][number];

/** The key of a row's id. A row whose id was made up from its place in a file has a {@link contentKey} instead. */
export function idKey(id: string): string {
  return hash('sha256', JSON.stringify(['id', id]), 'hex');
}

/** The key by which later answers to a row are recognized. */
export function answerKey(id: string): string {
  return hash('sha256', JSON.stringify(['answer', id]), 'hex');
}

/**
 * The key of a row without an id of its own. Its made-up id, `file:line`, may be another row's after an edit of the file, so
 * the texts belong to the key.
 */
function contentKey({ id, messages, input }: RecognizedRow): string {
  return hash('sha256', JSON.stringify(['row', id, messages ?? input ?? null]), 'hex');
}

/** The keys by which a row is recognized. */
export function rowKey(row: RecognizedRow): string {
  return hasMadeUpId(row) ? contentKey(row) : idKey(row.id);
}

function hasMadeUpId({ id, line, file }: RecognizedRow): boolean {
  return id === `test-${line}` || id === (file === undefined ? `row ${line}` : `${file}:${line}`);
}

/** The rows that were erased from a home folder. They are left out when a log is read again. */
export class ErasedRows {
  readonly #keys: ReadonlySet<string>;

  private constructor(keys: ReadonlySet<string>) {
    this.#keys = keys;
  }

  /** @throws TuneloopError ARTIFACT_CORRUPT for a record that cannot be read: its row would come back unnoticed. */
  static async read(home: string): Promise<ErasedRows> {
    const keys = new Set<string>();
    for (const name of await recordNames(home)) {
      const erasure = await readRecord(path.join(erasedRowsFolder(home), name));
      for (const key of erasure?.keys ?? []) keys.add(key);
    }
    return new ErasedRows(keys);
  }

  has(row: RecognizedRow): boolean {
    return this.#keys.size > 0 && this.#keys.has(rowKey(row));
  }

  /** Whether later answers to this id belong to an erased row. */
  hasAnswersOf(id: string): boolean {
    return this.#keys.size > 0 && this.#keys.has(answerKey(id));
  }
}

/** The record of a row's erasure; null where it was never erased. @throws TuneloopError ARTIFACT_CORRUPT */
export async function readErasure(home: string, id: string): Promise<Erasure | null> {
  return readRecord(fileOf(home, id));
}

export async function writeErasure(home: string, id: string, erasure: Erasure): Promise<void> {
  await writeFileAtomically(fileOf(home, id), `${JSON.stringify({ format: 1, ...erasure })}\n`);
}

function fileOf(home: string, id: string): string {
  return path.join(erasedRowsFolder(home), `${answerKey(id)}.json`);
}

async function recordNames(home: string): Promise<string[]> {
  try {
    return (await readdir(erasedRowsFolder(home))).filter((name) => /^[0-9a-f]{64}\.json$/.test(name)).sort();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

async function readRecord(file: string): Promise<Erasure | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
  try {
    const { format: _, ...erasure } = erasureSchema.parse(JSON.parse(text));
    return erasure;
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new TuneloopError(
      'ARTIFACT_CORRUPT',
      `${file} is no record of an erased row: ${reason}. Restore it; without it the row could come back from its log`,
    );
  }
}
