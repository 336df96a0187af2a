/** Writes schema/pipeline.schema.json from the zod schema. With --check it only says whether the file is current. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pipelineJsonSchema } from '../src/config/pipeline.ts';

const file = new URL('../schema/pipeline.schema.json', import.meta.url);
const text = `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('schema/pipeline.schema.json is out of date: run `npm run schema`');
  process.exit(1);
}
