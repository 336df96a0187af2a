import { createHash, hash } from 'node:crypto';
import { artifactFile } from '../stores/home.ts';
import { readLines } from '../stores/lines.ts';
import type { FoundRows } from './found-rows.ts';
import { sizeOf } from './home-index.ts';

/** A training file has no ids: its lines stand in the order of the examples. */
export async function searchTrainingFiles(found: FoundRows): Promise<void> {
  const { index, places } = found;
  for (const { name, pipeline, manifest } of index.versions) {
    for (const side of ['train', 'validation'] as const) {
      const examples = manifest.examples[side];
      const lines = (found.examples.get(examples.sha256) ?? []).map(({ line }) => line);
      if (lines.length === 0) continue;
      for (const { treatment, ...files } of manifest.files) {
        const { sha256, rows, bytes } = files[side];
        const file = artifactFile(index.home, sha256);
        const upload = `${side}-${sha256}.jsonl`;
        const of = [`${name} ${side}, ${treatment}; at the provider: ${upload}`];
        if (rows !== examples.rows) index.note(`${name}: the lines of ${upload} are not those of its examples`);
        for (const line of lines) places.add('training-file', file, of, line);
        found.uploads.set(upload, { pipeline, name: upload, bytes });
        if ((await sizeOf(file)) < 0) index.note(`${upload} of ${name} is missing here; the provider may have it`);
        else if (side === 'train') await searchHalf(found, { file, sha256, pipeline }, new Set(lines), of);
      }
    }
  }
}

/** The half of a training file, as `halve-file` makes it: it follows from the file, and no other record names it. */
async function searchHalf(
  found: FoundRows,
  { file, sha256, pipeline }: { file: string; sha256: string; pipeline: string },
  lines: ReadonlySet<number>,
  of: readonly string[],
): Promise<void> {
  const { index, places } = found;
  const half = createHash('sha256');
  const held: number[] = [];
  let line = 0;
  let lineOfHalf = 0;
  let bytesOfHalf = 0;
  await index.whereReadable(file, async () => {
    for await (const bytes of readLines(file)) {
      line += 1;
      if (hash('sha256', bytes, 'buffer').readUInt8(0) % 2 !== 0) continue;
      lineOfHalf += 1;
      bytesOfHalf += bytes.length + 1;
      half.update(bytes).update('\n');
      if (lines.has(line)) held.push(lineOfHalf);
    }
  });
  if (held.length === 0) return;
  found.halves.add(sha256);
  const halfHash = half.digest('hex');
  const halfFile = artifactFile(index.home, halfHash);
  if ((await sizeOf(halfFile)) < 0) return;
  const name = `train-${halfHash}.jsonl`;
  found.uploads.set(name, { pipeline, name, bytes: bytesOfHalf });
  const text = of.map((each) => `half of ${each.replace(/train-[0-9a-f]{64}\.jsonl/, name)}`);
  for (const each of held) places.add('training-file', halfFile, text, each);
}
