import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { sourceSchema } from '../config/source.ts';
import { providerSchema } from '../stores/erased-rows.ts';
import { objectOf } from './row-lines.ts';

/** What a pipeline says about where its rows lie and whom they are sent to; found among the artifacts. */
export const definitionSchema = z.object({
  name: z.string(),
  source: sourceSchema,
  provider: providerSchema,
  split: z.object({ test: z.union([z.number(), z.object({ file: z.string() })]) }),
  evaluation: z.object({ max_output_tokens: z.number().optional(), judge: z.unknown().optional() }),
});
export type Definition = z.output<typeof definitionSchema>;

/** A definition among the artifacts; undefined for what is none. */
export async function definitionIn(file: string): Promise<Definition | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  if (!text.startsWith('{') || text.indexOf('\n') !== text.length - 1) return undefined;
  return definitionSchema.safeParse(objectOf(Buffer.from(text))).data;
}
