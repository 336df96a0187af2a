/** Writes the files of schema/ from the zod schemas; tests say when one is out of date. */
import { writeFileSync } from 'node:fs';
import { pipelineJsonSchema } from '../src/config/pipeline.ts';
import { reportJsonSchema } from '../src/report/report-schema.ts';

const SCHEMAS = { pipeline: pipelineJsonSchema(), report: reportJsonSchema() };
for (const [name, schema] of Object.entries(SCHEMAS)) {
  writeFileSync(new URL(`../schema/${name}.schema.json`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
