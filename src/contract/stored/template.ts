import type { PromptTemplate } from '@tuneloop/app/internal/prompt/prompt-template';
import { z } from 'zod';
import type { StoredKind } from './format.ts';

const index = z.int().gte(0);

const schema = z.object({
  versions: z.array(
    z.object({
      messages: z.array(
        z.object({
          role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
          parts: z.array(z.union([z.string(), z.object({ slot: index })])),
        }),
      ),
      slots: z.array(z.object({ name: z.string(), kind: z.enum(['input', 'date', 'id', 'few-shots']) })),
      rows: index,
      name: z.string().optional(),
    }),
  ),
  conversation: z.boolean().optional(),
});

/** The instructions that the prompts of a log share. */
export const TEMPLATE: StoredKind<PromptTemplate> = { name: 'prompt template', format: 1, oldest: 0, schema };
