import type { Message } from '@tuneloop/app/internal/prompt/chat-message';
import { z } from 'zod';
import type { Side } from '../core/dataset/side.ts';
import { keyOf } from '../data/prepare/row-batch.ts';
import { canonicalInput } from '../data/split/near-duplicates.ts';
import { answerKey, idKey, type RecognizedRow, rowKey } from '../stores/erased-rows.ts';
import type { HomeIndex } from './home-index.ts';
import { PlaceList } from './row-places.ts';

const messageSchema = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.string(),
}) satisfies z.ZodType<Message>;

/** A row of a snapshot, or an example, with the parts that a search needs. */
export const rowSchema = z.object({
  id: z.string(),
  line: z.number().optional(),
  file: z.string().exactOptional(),
  input: z.string().exactOptional(),
  messages: z.array(messageSchema).exactOptional(),
});

export const exampleSchema = z.object({
  id: z.string(),
  line: z.number().optional(),
  input: z.string(),
  completion: z.string(),
  version: z.int().gte(0).exactOptional(),
  slots: z.array(z.string()).exactOptional(),
});

/** A file that was uploaded for training: its name at the provider, and its size there. */
export interface Upload {
  pipeline: string;
  name: string;
  bytes: number;
}

/** The wanted rows, and all findings of a search about them. */
export class FoundRows {
  readonly index: HomeIndex;
  readonly places: PlaceList;
  readonly ids = new Set<string>();
  /** Keys of inputs in the ledgers of sides, as hex digits, with the ids of the rows that have them. */
  readonly inputKeys = new Map<string, Set<string>>();
  /** Hashes by which a row is recognized if it comes back, by id. */
  readonly #recognized = new Map<string, Set<string>>();
  /** Texts of inputs as they stand in JSON. */
  readonly texts = new Set<string>();
  /** The origins of a segment's rows, by the hash of the segment. */
  readonly segmentRows = new Map<string, { line: number; file?: string }[]>();
  /** Lines and answers of examples, by the hash of their artifact. */
  readonly examples = new Map<string, { line: number; completion: string }[]>();
  /** Training files of which a half holds a row, by hash. */
  readonly halves = new Set<string>();
  readonly uploads = new Map<string, Upload>();
  /** Folders that interrupted attempts have left. */
  readonly scratch = new Set<string>();
  /** Pipelines whose log or dataset holds a row. */
  readonly pipelines = new Set<string>();

  constructor(index: HomeIndex) {
    this.index = index;
    this.places = new PlaceList(index.home);
  }

  /** Notes the keys by which a row is recognized. */
  recognize(row: RecognizedRow): void {
    const keys = this.#recognized.get(row.id) ?? new Set([idKey(row.id), answerKey(row.id)]);
    keys.add(rowKey(row));
    this.#recognized.set(row.id, keys);
  }

  keysOf(id: string): string[] {
    return [...(this.#recognized.get(id) ?? [idKey(id), answerKey(id)])];
  }

  addInput(id: string | null, input: string): void {
    const key = inputKey(canonicalInput(input));
    const ids = this.inputKeys.get(key) ?? new Set();
    if (id !== null) ids.add(id);
    this.inputKeys.set(key, ids);
  }

  addExample(sha256: string, line: number, completion: string): void {
    const examples = this.examples.get(sha256) ?? [];
    examples.push({ line, completion });
    this.examples.set(sha256, examples);
  }

  isIn({ examples }: { examples: Record<Side, { sha256: string }> }, side: Side): boolean {
    return this.examples.has(examples[side].sha256);
  }
}

/** The key of an input in the ledger of sides, as hex digits. */
export function inputKey(canonical: string): string {
  return Buffer.from(keyOf(canonical)).toString('hex');
}
