/** Lists the slowest test files and tests of the last run of `npm test`. Usage: slow-tests.ts [how many]. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const FILE = path.join(import.meta.dirname, '..', 'node_modules', '.cache', 'tuneloop', 'test-times.json');
const timesSchema = z.array(
  z.object({
    file: z.string(),
    seconds: z.number(),
    tests: z.array(z.object({ name: z.string(), seconds: z.number() })),
  }),
);

if (!existsSync(FILE)) {
  console.error(`There are no times of tests in ${FILE}: run npm test first.`);
  process.exit(1);
}
const count = Number(process.argv[2] ?? 20);
const files = timesSchema.parse(JSON.parse(readFileSync(FILE, 'utf8')));
const tests = files.flatMap(({ file, tests }) =>
  tests.map(({ name, seconds }) => ({ name: `${file}: ${name}`, seconds })),
);

print(
  `Slowest of ${files.length} test files, in seconds`,
  files.map(({ file, seconds }) => ({ name: file, seconds })),
);
print(`Slowest of ${tests.length} tests, in seconds`, tests);

function print(title: string, rows: readonly { name: string; seconds: number }[]): void {
  const slowest = rows.toSorted((a, b) => b.seconds - a.seconds).slice(0, count);
  console.log(`${title}:`);
  for (const { name, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(7)}  ${name}`);
}
