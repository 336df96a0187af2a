import { z } from 'zod';
import type { SourceChoice } from '../core/run/source-choice.ts';
import { SOURCE_KINDS } from '../sources/kinds/index.ts';

const [first, ...others] = SOURCE_KINDS;

export const sourceSchema = z
  .discriminatedUnion('type', [first.schema, ...others.map(({ schema }) => schema)])
  .describe('where the production log lies') satisfies z.ZodType<SourceChoice>;
