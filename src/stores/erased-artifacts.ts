import { readFile } from 'node:fs/promises';
import { hasCode } from '@tuneloop/app/internal/shared/files';
import { z } from 'zod';
import type { ArtifactRef } from '../core/run/artifact-ref.ts';
import { writeFileAtomically } from './files.ts';

const markSchema = z.object({
  format: z.literal(1),
  erasedAt: z.iso.datetime(),
  successor: z
    .object({
      uri: z.string(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      bytes: z.int().gte(0),
      rows: z.int().gte(0),
    })
    .nullable(),
});

/** Says that an artifact was erased on purpose, because it held a row that had to be forgotten. */
export interface ErasureMark {
  /** ISO 8601. */
  erasedAt: string;
  /** The same artifact without the row; null where it has no successor. */
  successor: ArtifactRef | null;
}

const SUFFIX = '.erased';

/** Whether a file among the artifacts is a mark, and no artifact. */
export function isErasureMark(file: string): boolean {
  return file.endsWith(SUFFIX);
}

/**
 * Puts a mark beside the file of an artifact. The mark comes before the removal, so that after an interrupted erasure no artifact is
 * missing without a reason.
 *
 * @param file of the artifact
 */
export async function writeErasureMark(file: string, mark: ErasureMark): Promise<void> {
  await writeFileAtomically(`${file}${SUFFIX}`, `${JSON.stringify({ format: 1, ...mark })}\n`);
}

/**
 * The mark of an artifact whose file is missing; null where it has none, or none that can be read.
 *
 * @param file of the artifact
 */
export async function readErasureMark(file: string): Promise<ErasureMark | null> {
  try {
    return markSchema.parse(JSON.parse(await readFile(`${file}${SUFFIX}`, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError || hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}
