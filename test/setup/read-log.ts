import { existsSync, readFileSync } from 'node:fs';
import { openSource } from '../../src/sources/open-source.ts';

/** Reads a log file to its end, in a process of its own; prints the rows and the most memory (KiB) that the process had. */
const [file = ''] = process.argv.slice(2);
const source = openSource(
  file.includes('.csv') ? { type: 'csv', path: file, columns: {} } : { type: 'jsonl', path: file },
  {
    provider: () => {
      throw new Error('files need no provider');
    },
  },
);
const { items } = await source.read(null, new AbortController().signal);
let rows = 0;
for await (const { kind } of items) if (kind === 'row') rows += 1;
console.log(JSON.stringify({ rows, kibibytes: peakKibibytes() }));

/** The resource usage of a new process may be that of the one which made it; its status on Linux is its own. */
function peakKibibytes(): number {
  const status = '/proc/self/status';
  const peak = existsSync(status) ? /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(status, 'utf8'))?.[1] : undefined;
  return peak === undefined ? process.resourceUsage().maxRSS : Number(peak);
}
