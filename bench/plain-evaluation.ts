/**
 * The script that one would write without Tuneloop: it asks a model for every row in batches and counts the exact matches. The last line is
 * JSON.
 *
 * node bench/plain-evaluation.ts --base-url http://127.0.0.1:8484/v1 --model ft:... --rows rows.jsonl
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import OpenAI from 'openai';

const { values } = parseArgs({
  options: {
    'base-url': { type: 'string', default: '' },
    model: { type: 'string', default: '' },
    rows: { type: 'string', default: '' },
    concurrency: { type: 'string', default: '16' },
  },
});
const { model } = values;
const concurrency = Number(values.concurrency);
const openai = new OpenAI({ baseURL: values['base-url'], apiKey: 'any' });

const start = performance.now();
const rows: { input: string; completion: string }[] = readFileSync(values.rows, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
let right = 0;
for (let first = 0; first < rows.length; first += concurrency) {
  await Promise.all(
    rows.slice(first, first + concurrency).map(async ({ input, completion }) => {
      const answer = await openai.chat.completions.create({
        model,
        messages: [{ role: 'user', content: input }],
        temperature: 0,
      });
      if (answer.choices[0]?.message.content?.trim() === completion) right += 1;
    }),
  );
}
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ seconds, score: right / rows.length, rssMiB: process.resourceUsage().maxRSS / 1024 }));
