/** Writes schema/pipeline.schema.json from the zod schema; a test says when it is out of date. */
import { writeFileSync } from 'node:fs';
import { pipelineJsonSchema } from '../src/config/pipeline.ts';

const file = new URL('../schema/pipeline.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`);
