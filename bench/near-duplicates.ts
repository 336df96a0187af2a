/**
 * Near duplicates of the same inputs, side by side: ours and Python's datasketch (see datasketch_groups.py).
 *
 *     node bench/near-duplicates.ts [--rows 100000] [--seed 1] [--ours]
 *
 * Ours is timed from raw inputs to groups: canonical text, signature, index on disk, search with the default number of
 * threads. datasketch is given the canonical texts, which saves it that step. `--ours` leaves datasketch out. The last
 * line is JSON.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { NearDuplicateIndex } from '../src/data/prepare/near-duplicate-groups.ts';
import { canonicalInput, SIGNATURE_WORDS, Signer } from '../src/data/split/near-duplicates.ts';
import { dataRows } from './data-rows.ts';
import { type GroupQuality, groupQuality } from './group-quality.ts';

interface Measured {
  seconds: number;
  groups: ArrayLike<number>;
}

const BATCH = 4096;
const MEBIBYTE = 2 ** 20;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    ours: { type: 'boolean', default: false },
  },
});
const options = { rows: Number(values.rows), seed: Number(values.seed) };
const folder = await mkdtemp(path.join(tmpdir(), 'near-duplicates-'));
try {
  const ours = await measureOurs();
  const peakMebibytes = Math.round(process.resourceUsage().maxRSS / 1024);
  const figures = { rows: options.rows, ours: { ...figuresOf(ours), peakMebibytes } };
  const theirs = values.ours ? undefined : await measureDatasketch();
  console.log(
    JSON.stringify(
      theirs
        ? { ...figures, datasketch: figuresOf(theirs), ratio: rounded(theirs.seconds / ours.seconds, 10) }
        : figures,
    ),
  );
} finally {
  await rm(folder, { recursive: true });
}

/** Rows are made batch by batch, and the time that takes is not counted. */
async function measureOurs(): Promise<Measured> {
  const index = await NearDuplicateIndex.create(folder);
  try {
    const signer = new Signer();
    let seconds = 0;
    for (const inputs of batches()) {
      const start = performance.now();
      const texts = inputs.map(canonicalInput);
      const signatures = new Uint32Array(texts.length * SIGNATURE_WORDS);
      texts.forEach((text, row) => {
        signer.sign(text, signatures, row * SIGNATURE_WORDS);
      });
      await index.add({ texts, signatures });
      seconds += (performance.now() - start) / 1000;
    }
    const start = performance.now();
    const groups = await index.groups();
    const grouping = (performance.now() - start) / 1000;
    console.log(`ours: ${seconds.toFixed(2)} s to sign and write, ${grouping.toFixed(2)} s to group`);
    return { seconds: seconds + grouping, groups };
  } finally {
    await index.close();
  }
}

async function measureDatasketch(): Promise<Measured | undefined> {
  const file = path.join(folder, 'texts.jsonl');
  const lines = Array.from(dataRows(options), ({ input }) => `${JSON.stringify(canonicalInput(input))}\n`);
  await writeFile(file, lines.join(''));
  try {
    const script = path.join(import.meta.dirname, 'datasketch_groups.py');
    const { stdout } = await promisify(execFile)('python3', [script, file], { maxBuffer: 256 * MEBIBYTE });
    return JSON.parse(stdout) as Measured;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 3 && code !== 'ENOENT') throw error;
    console.log('datasketch is left out, because it is not installed: python3 -m pip install datasketch==2.0.0');
    return undefined;
  }
}

function* batches(): Iterable<string[]> {
  let batch: string[] = [];
  for (const { input } of dataRows(options)) {
    batch.push(input);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

function figuresOf({ seconds, groups }: Measured): { seconds: number; rowsPerSecond: number } & GroupQuality {
  const { pairs, recall, precision } = groupQuality(groups, dataRows(options));
  return {
    seconds: rounded(seconds, 100),
    rowsPerSecond: Math.round(options.rows / seconds),
    pairs,
    recall: rounded(recall, 10_000),
    precision: rounded(precision, 10_000),
  };
}

function rounded(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
